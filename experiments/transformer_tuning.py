"""The learning rate of chapter 13's Transformer on number words.

With the seeds of tuning, the chapter's 800 updates, and on the validation set. The rate
rises over the first 100 updates, as in the chapter.
"""

from dataclasses import asdict

from experiments.engine import Experiment, Job, Values, main
from experiments.number_words import BATCH_SIZE, DATA, splits, train_pairs
from seq2seq_lib.batching import Batches, encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig
from seq2seq_lib.transformer import TransformerConfig, build_transformer

RATES, UPDATES, WARMUP = (3e-4, 1e-3, 3e-3, 1e-2), 800, 100
CHOSEN_BY = "lowest validation loss, mean over the tuning seeds"


def arms() -> dict[str, float]:
    """The rate of every arm, by name."""
    return {f"lr {lr:g}": lr for lr in RATES}


def config() -> TransformerConfig:
    """The chapter's Transformer."""
    return TransformerConfig(*map(len, Numbers().vocabs()))


def run(job: Job) -> Values:
    """Train with one rate; the loss on the validation set."""
    model = build_transformer(config(), job.seed)
    how = TrainConfig(UPDATES, lr=arms()[job.arm], warmup=WARMUP, seed=job.seed)
    data = Batches(train_pairs(), BATCH_SIZE, seed=job.seed)
    values, _ = job.train(model, data, how)
    valid = encode(splits().valid, *Numbers().vocabs())
    return {**values, "valid_loss": loss_per_token(model, valid)}


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    how = {**DATA, "updates": UPDATES, "warmup": WARMUP, "chosen_by": CHOSEN_BY}
    how["model"] = asdict(config())
    return Experiment("transformer_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
