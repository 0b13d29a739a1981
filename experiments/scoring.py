"""Which way of looking is more accurate, aligns better, reaches farther? (chapter 9)

Every way of `scoring_ways` is trained on the same number words for the course's 400
updates at its own best rate: ten seeds for accuracy and alignment, and five more models of
each, trained on sources of at most 12 words, for how far it reaches.

Written down before any number was seen. Every way is compared with additive attention in
Bahdanau's wiring, seed by seed, twice: by the share of test answers that are right, and by
the alignment error rate over words that have a gold link. A difference is said to be one
only where it is at least 0.02 (answers) or 0.05 (error rate) *and* a sign-flip test over
the ten seeds, corrected by Holm's method for all the ways of that table, has p < 0.05.
Everything else is called "cannot tell". What is measured of reach is shown, with all its
seeds, and not judged. Known before: what chapter 10 measured of additive, dot and general
attention, and that the others learn.
"""

from experiments.alignment import (
    ALIGNED_PER_LENGTH,
    aligned,
    as_written,
    counts,
    looks,
    tables,
)
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import (
    DATA,
    UPDATES,
    exact_match_buckets,
    hits,
    splits,
    train,
)
from experiments.scoring_ways import RATES, WAYS, config
from seq2seq_lib.training import TrainConfig

LONGEST = 12  # words in training, of the models that show how far a way reaches
REACH = f", to {LONGEST} words"
MATTERS = {"exact match": 0.02, "error rate": 0.05}


def arms() -> dict[str, str]:
    """The way of every arm, by the arm's name."""
    return {name + suffix: name for suffix in ("", REACH) for name in WAYS}


def run(job: Job) -> Values:
    """Train one way with one seed; what it writes, and where it looked."""
    name = arms()[job.arm]
    how = TrainConfig(UPDATES, lr=RATES[name])
    if job.arm.endswith(REACH):
        model, values, _ = train(job, config(WAYS[name]), how, longest=LONGEST)
        return {**values, "exact_match": exact_match_buckets(model, splits().test)}
    model, values, _ = train(job, config(WAYS[name]), how)
    test = list(splits().test)
    rows = zip(tables(model, "de", "weights"), aligned("de"), strict=True)
    return {
        **values,
        "exact_match": exact_match_buckets(model, test),
        "hits": hits(model, test[::23] if job.quick else test),
        **looks(model, "de"),
        "counts": counts([as_written(r, e) for r, e in rows], "de"),
    }


def experiment() -> Experiment:
    how = {
        "updates": UPDATES,
        "longest_in_training": {arm: LONGEST for arm in arms() if arm.endswith(REACH)},
        "aligned_per_length": ALIGNED_PER_LENGTH,
        "rates": RATES,
        "models": {name: options(config(way)) for name, way in WAYS.items()},
        "matters": MATTERS,
    }
    seeds = {arm: SEEDS[: 5 if arm.endswith(REACH) else 10] for arm in arms()}
    return Experiment("scoring", run, seeds, DATA | how)


if __name__ == "__main__":
    main(experiment(), __doc__)
