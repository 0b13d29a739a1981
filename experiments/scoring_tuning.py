"""The learning rate of every way of looking that `recipe_tuning` has not tried.

With the seeds of tuning, and on the validation set; the grid goes on where its best point
was at its edge.
"""

from operator import itemgetter

from experiments.engine import Experiment, Job, Values, main, options
from experiments.grids import best_rate
from experiments.number_words import DATA, UPDATES, splits, train
from experiments.scoring_ways import TUNED, WAYS, config
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

GRID = (3e-3, 1e-2, 3e-2)
# Where the best was at the edge.
MORE_RATES: dict[str, tuple[float, ...]] = {
    "local_p": (1e-3,),
    "dot, luong": (1e-1,),
    "dot, luong, feeding": (1e-1,),
}
CHOSEN_BY = "lowest validation loss, mean over the tuning seeds"
NEW = [name for name in WAYS if name not in TUNED]


def arms() -> dict[str, tuple[str, float]]:
    """The way and the rate of every arm, by name."""
    return {
        f"{name}, lr {lr:g}": (name, lr)
        for name in NEW
        for lr in (*GRID, *MORE_RATES.get(name, ()))
    }


def run(job: Job) -> Values:
    """Train one way with one rate; its loss on the validation set."""
    name, lr = arms()[job.arm]
    model, values, _ = train(job, config(WAYS[name]), TrainConfig(UPDATES, lr=lr))
    valid = encode(splits().valid, *Numbers().vocabs())
    return {**values, "valid_loss": loss_per_token(model, valid)}


def best(name: str) -> float:
    """The rate with the lowest loss of a way.

    Raises:
        ValueError: it is at the edge of the grid.
    """
    rates = {arm: lr for arm, (way, lr) in arms().items() if way == name}
    return best_rate("scoring_tuning", name, rates, itemgetter("valid_loss"))


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    models = {name: options(config(WAYS[name])) for name in NEW}
    how = {**DATA, "updates": UPDATES, "chosen_by": CHOSEN_BY, "models": models}
    return Experiment("scoring_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
