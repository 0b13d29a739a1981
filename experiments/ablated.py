"""Attention with one thing taken away, to be trained from scratch (claims 4 to 6).

    additive   additive attention: what to look at is chosen anew at every step
    uniform    every state alike
    deaf       scored by content alone: the query is not heard, so all steps look alike
    frozen     the first look, with s_0 as its query, is used at every step
    diagonal   scored by place alone: step t looks around position a t + b
    fixed      the encoder's summary at every step
    once       the first look enters s_0, and no step after it gets a context

All keep the first state s_0 = tanh(P summary), and none has fewer parameters than
``additive``.
"""

from dataclasses import replace
from functools import cache

import torch
from torch import Tensor, nn

from experiments.number_words import config
from seq2seq_lib.attention import (
    Additive,
    FixedContext,
    Keys,
    Look,
    Mask,
    Memory,
    Query,
    Uniform,
    Values,
    Weights,
    masked_softmax,
    weighted_sum,
)
from seq2seq_lib.decoder import Decoder
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import (
    ModelConfig,
    Seq2Seq,
    bias_update_gates,
    build_model,
    n_parameters,
    widen,
)
from seq2seq_lib.tasks.numbers import Numbers


class Deaf(Additive):
    """Additive attention whose query is zero: v . tanh(U h_j), the same at every step."""

    def scores(self, query: Query, keys: Keys) -> Weights:
        alike = self.v(keys.tanh())[:, None, :, 0]  # (batch, 1, src_len)
        return alike.expand(-1, query.shape[1], -1)


def _first_look(initial: nn.Module, attention: Additive, encoded: Encoded) -> Tensor:
    """What attention finds with the first state as its query, (batch, 1, enc_dim)."""
    query = torch.tanh(initial(encoded.summary))[:, None]
    return attention(query, *attention.memory(encoded))[0]


class Frozen(FixedContext):
    """A memory of one slot, which is the first look.

    Args:
        decoder: whose first state asks, and whose attention answers.
    """

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.initial, self.looking = decoder.initial, decoder.attention

    def memory(self, encoded: Encoded) -> Memory:
        slot = _first_look(self.initial, self.looking, encoded)
        return Memory(slot, slot, encoded.src_mask[:, :1])


class Diagonal(Uniform):
    """Weights by place: score -((j - (a t + b)) / width)^2 / 2 at step t, all learned.

    It counts its steps from the last memory on, so it answers one decoder at a time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.ones(())), nn.Parameter(torch.zeros(()))
        self.log_width = nn.Parameter(torch.zeros(()))
        self.step = 0

    def memory(self, encoded: Encoded) -> Memory:
        self.step = 0
        return super().memory(encoded)

    def forward(self, query: Query, keys: Keys, values: Values, mask: Mask) -> Look:
        steps = torch.arange(query.shape[1])[:, None] + self.step
        self.step += query.shape[1]
        off = torch.arange(keys.shape[1]) - (self.a * steps + self.b)
        scores = -0.5 * (off / self.log_width.exp()) ** 2  # (tgt_len, src_len)
        weights = masked_softmax(scores.expand(len(query), -1, -1), mask)
        return weighted_sum(weights, values), weights


class Withheld(FixedContext):
    """A context of zeros at every step."""

    def memory(self, encoded: Encoded) -> Memory:
        slot = torch.zeros_like(encoded.states[:, :1])
        return Memory(slot, slot, encoded.src_mask[:, :1])


class FirstLookInSummary(nn.Module):
    """An encoder whose summary has the first look beside it, for s_0 alone.

    Args:
        model: whose encoder reads and whose decoder looks.
    """

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__()
        self.encoder, self.initial = model.encoder, model.decoder.initial
        self.looking = model.decoder.attention

    @property
    def embedding(self) -> nn.Embedding:
        """Of the encoder."""
        return self.encoder.embedding

    def forward(self, src_ids: Tensor, src_lengths: Tensor) -> Encoded:
        encoded = self.encoder(src_ids, src_lengths)
        look = _first_look(self.initial, self.looking, encoded)[:, 0]
        return encoded._replace(summary=torch.cat([encoded.summary, look], dim=-1))


# What a mechanism is built from, and whether it is widened to the parameters of `additive`.
BUILT_FROM = {
    "additive": "additive",
    "uniform": "uniform",
    "deaf": "additive",
    "frozen": "additive",
    "diagonal": "uniform",
    "fixed": "fixed",
    "once": "additive",
}


@cache
def model_config(mechanism: str, hidden: int) -> ModelConfig:
    """Sizes with no fewer parameters than ``additive`` has."""
    additive = config("additive", enc_hidden=hidden, dec_hidden=hidden)
    built_from = replace(additive, attention=BUILT_FROM[mechanism])
    return widen(built_from, n_parameters(additive))


def build(mechanism: str, hidden: int, gate: float = 0.0, seed: int = 0) -> Seq2Seq:
    """A model with fresh weights.

    Args:
        mechanism: a key of ``BUILT_FROM``.
        hidden: the sizes of ``additive``.
        gate: bias of the update gates.
        seed: of the weights.
    """
    model = build_model(model_config(mechanism, hidden), seed)
    bias_update_gates(model, gate)
    decoder = model.decoder
    if mechanism == "deaf":
        deaf = Deaf(decoder.cell.hidden_size, model.encoder.enc_dim, hidden)
        deaf.load_state_dict(decoder.attention.state_dict())
        decoder.attention = deaf
    elif mechanism == "frozen":
        decoder.attention = Frozen(decoder)
    elif mechanism == "diagonal":
        decoder.attention = Diagonal()
    elif mechanism == "once":
        enc_dim = model.encoder.enc_dim
        model.encoder = FirstLookInSummary(model)
        decoder.attention = Withheld()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            decoder.initial = nn.Linear(2 * enc_dim, decoder.cell.hidden_size)
    return model


# Other ways of scoring, and queries after the step, as `alignment` compares them.
LOOKING = (
    "additive, after",
    *("dot", "dot, after"),
    *("dot_unscaled", "dot_unscaled, after"),
    *("general", "general, after"),
)


def looking_config(
    attention: str, query: str = "before", tgt_lang: str = "de"
) -> ModelConfig:
    """A model with the parameters of the additive one, at least, and at most 2% more."""
    sizes = map(len, Numbers("en", tgt_lang).vocabs())
    additive = ModelConfig(*sizes, query=query)
    found = replace(additive, attention=attention)
    if attention.startswith("dot"):
        # The decoder's state has to be as wide as the encoder's two directions.
        found = replace(found, enc_hidden=1, dec_hidden=2)
    return widen(found, n_parameters(additive))
