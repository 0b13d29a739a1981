"""Where the small additive model of the pages looks while it trains (chapter 8).

It is the additive model of `live_models`, trained again in the same way; its weights are
not rounded here. Before the first update and after some others it is stopped for a moment:
its loss on the validation set, what it writes for a few numbers on its own, and where it
looks while it is told the right words (teacher-forced), so that a row of the weights
belongs to the same word at every moment.
"""

from experiments.engine import Experiment, Job, Values, main, options
from experiments.live_models import SEED, SIZES, UPDATES
from experiments.number_words import DATA, config, splits, train
from seq2seq_lib.batching import collate, encode
from seq2seq_lib.decoding import translate
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

RATE = 3e-2  # as live_models chose it for the additive model
MOMENTS = (0, 20, 30, 40, 60, 80, 100, 120, 130, 200, 400, 1500)  # most where most changes
NUMBERS = (4_871, 914_327, 8_432_719_564)
DIGITS = 3  # of a stored weight


def look(model: Seq2Seq) -> Values:
    """The loss of a model, and for each number what it writes and where it looks."""
    vocabs = Numbers().vocabs()
    examples = [Numbers().example(n) for n in NUMBERS]
    answers = translate(model, [e.src for e in examples], *vocabs)
    weights = {}
    for n, pair in zip(NUMBERS, encode(examples, *vocabs), strict=True):
        (rows,) = model(collate([pair])).weights
        weights[str(n)] = [[round(w, DIGITS) for w in row] for row in rows.tolist()]
    return {
        "valid_loss": round(loss_per_token(model, encode(splits().valid, *vocabs)), 4),
        "said": {str(n): list(a.tokens) for n, a in zip(NUMBERS, answers, strict=True)},
        "weights": weights,
    }


def run(job: Job) -> Values:
    """Train the model and look at it on the way."""
    looking = Evaluation(look, at=MOMENTS)
    how = TrainConfig(UPDATES, lr=RATE)
    _, values, history = train(job, config(job.arm, **SIZES), how, [looking])
    return {**values, "moments": history.evaluations}


def experiment() -> Experiment:
    how = {
        "model": options(config("additive", **SIZES)),
        "train": options(TrainConfig(UPDATES, lr=RATE)),
        "moments": MOMENTS,
        "numbers": NUMBERS,
    }
    return Experiment("live_training", run, {"additive": (SEED,)}, DATA | how)


if __name__ == "__main__":
    main(experiment(), __doc__)
