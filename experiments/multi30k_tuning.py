"""The learning rate of each translator on Multi30k, chosen on the validation captions.

For a third of the updates of `multi30k`, by the program, with a seed that no other
experiment uses. What counts is the best BLEU on the validation captions, greedily.
"""

from experiments.engine import Experiment, Job, Values, main
from experiments.grids import best_rate
from experiments.multi30k import KINDS, UPDATES
from experiments.translators import DATA, options, trained

RATES = {
    "fixed": (1e-3, 2e-3, 4e-3),
    "additive": (1e-3, 2e-3, 4e-3),
    "transformer": (5e-4, 1e-3, 2e-3),
}
# Where the best was at the edge.
MORE_RATES: dict[str, tuple[float, ...]] = {}
SEED, SHARE = 100, 3
CHOSEN_BY = "highest BLEU on the validation captions"


def arms() -> dict[str, tuple[str, float]]:
    """Name -> (kind, learning rate)."""
    return {
        f"{kind}, lr {lr:g}": (kind, lr)
        for kind, rates in RATES.items()
        for lr in (*rates, *MORE_RATES.get(kind, ()))
    }


def run(job: Job) -> Values:
    """Train one translator with one rate."""
    kind, lr = arms()[job.arm]
    architecture, chosen = KINDS[kind]
    how = options(architecture, UPDATES // SHARE, lr, job.seed, **chosen)
    _, values = trained(job, how)
    return values


def best_bleu(values: Values) -> float:
    """The highest BLEU on the validation captions, while one model trained."""
    return max(at["bleu"] for at in values["curve"])


def best(kind: str) -> float:
    """The rate of a kind with the highest BLEU.

    Raises:
        ValueError: it is at the edge of the grid.
    """
    rates = {name: lr for name, (its, lr) in arms().items() if its == kind}
    return best_rate("multi30k_tuning", kind, rates, lambda values: -best_bleu(values))


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    how = {
        **DATA,
        "kinds": {kind: {"architecture": a, **more} for kind, (a, more) in KINDS.items()},
        "updates": UPDATES // SHARE,
        "chosen_by": CHOSEN_BY,
    }
    seeds = dict.fromkeys(arms(), (SEED,))
    return Experiment("multi30k_tuning", run, seeds, how, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
