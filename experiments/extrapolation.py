"""Longer than anything seen in training: a limit that attention does not remove.

Both models are trained on number words of at most 12 words, with as many pairs, the
updates, the sizes and the recipes of `ablations`, and tested on all lengths. Up to 12 words
they show what they learned; beyond, how far it reaches. A third arm trains attention with
a smaller rate, to see whether reach depends on more than the mechanism.
"""

from experiments.ablated import build, model_config
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.number_words import DATA, UPDATES, exact_match_buckets, splits, train_model
from experiments.recipes import RECIPES
from seq2seq_lib.training import TrainConfig

LONGEST = 12
# Name -> the model and its recipe.
ARMS = {
    "fixed": ("fixed", RECIPES["fixed", 96]),
    "additive": ("additive", RECIPES["additive", 96]),
    "additive, lr 0.003": ("additive", RECIPES["additive", 96]._replace(lr=3e-3)),
}


def run(job: Job) -> Values:
    """Train on short numbers, test on all."""
    mechanism, recipe = ARMS[job.arm]
    model = build(mechanism, 96, recipe.gate, job.seed)
    values, _ = train_model(job, model, TrainConfig(UPDATES, lr=recipe.lr), longest=LONGEST)
    return {**values, "exact_match": exact_match_buckets(model, splits().test)}


def experiment() -> Experiment:
    how = {"longest_in_training": LONGEST, "updates": UPDATES, "arms": ARMS}
    how["models"] = {
        name: options(model_config(name, 96)) for name in ("fixed", "additive")
    }
    seeds = dict.fromkeys(ARMS, SEEDS[:5])
    return Experiment("extrapolation", run, seeds, DATA | how)


if __name__ == "__main__":
    main(experiment(), __doc__)
