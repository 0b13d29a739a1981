"""The learning rate of each model on joined captions, chosen on the validation captions.

Both models try the same rates with two seeds that no other experiment uses, for a third of
the updates of `joined`. What counts is the loss on validation captions at all four sizes.
"""

from statistics import fmean

from experiments.captions import DATA, SIZES, joined_pairs
from experiments.engine import Experiment, Job, Values, main
from experiments.grids import best_rate
from experiments.joined import UPDATES, Arm, train
from seq2seq_lib.metrics import loss_per_token

MODELS = "fixed", "additive"
GRID, SEEDS, SHARE = (2e-3, 4e-3, 8e-3), (100, 101), 3
# Where the best was at the edge.
MORE_RATES: dict[str, tuple[float, ...]] = {"fixed": (1.6e-2,), "additive": (1.6e-2,)}
CHOSEN_BY = "lowest mean validation loss over sizes and tuning seeds"


def arms() -> dict[str, tuple[str, float]]:
    """Name -> (model, learning rate)."""
    return {
        f"{model}, lr {lr:g}": (model, lr)
        for model in MODELS
        for lr in (*GRID, *MORE_RATES.get(model, ()))
    }


def run(job: Job) -> Values:
    """Train one model with one rate; its loss on the validation captions by size."""
    attention, lr = arms()[job.arm]
    model, values = train(job, Arm(attention), lr, UPDATES // SHARE)
    losses = {
        str(size): loss_per_token(model, joined_pairs("valid", size)) for size in SIZES
    }
    return {**values, "valid_loss": losses}


def best(attention: str) -> float:
    """The rate of a model with the lowest loss.

    Raises:
        ValueError: it is at the edge of the grid.
    """
    rates = {name: lr for name, (model, lr) in arms().items() if model == attention}
    return best_rate(
        "joined_tuning", attention, rates, lambda found: fmean(found["valid_loss"].values())
    )


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    how = {**DATA, "sizes": SIZES, "updates": UPDATES // SHARE, "chosen_by": CHOSEN_BY}
    seeds = dict.fromkeys(arms(), SEEDS)
    return Experiment("joined_tuning", run, seeds, how, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
