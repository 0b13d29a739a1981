"""What a configuration says of a run, in words that stay when options are added."""

from dataclasses import asdict, fields
from typing import Any

from seq2seq_lib.model import ModelConfig
from seq2seq_lib.run import TrainConfig

# The options of the first results. One that was added later is left out where it has its
# default, because it then says what was always done: a stored run stays the run it was.
FIRST = {
    ModelConfig: {
        *("src_vocab_size", "tgt_vocab_size", "attention", "emb_dim", "enc_hidden"),
        *("dec_hidden", "bidirectional", "dropout", "query"),
    },
    TrainConfig: {
        *("updates", "lr", "warmup", "schedule", "clip", "seed", "teacher_forcing"),
    },
}


def options(config: ModelConfig | TrainConfig) -> dict[str, Any]:
    """The options of a model or of a training that decide its numbers, by name."""
    first, chosen = FIRST[type(config)], asdict(config)
    usual = {f.name for f in fields(config) if chosen[f.name] == f.default}
    return {
        name: value for name, value in chosen.items() if name in first or name not in usual
    }
