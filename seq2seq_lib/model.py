"""An encoder and a decoder, put together from a configuration."""

import os
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import SupportsFloat

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seq2seq_lib.attention import SIZES as OF_ATTENTION
from seq2seq_lib.attention import build_attention, check_mechanism
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import QUERIES, Decoder, LuongDecoder, Unrolled, Writer
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.output import OUTPUTS
from seq2seq_lib.precision import at_least_float32
from seq2seq_lib.require import number, option, require, whole
from seq2seq_lib.vocab import PAD

DEVICE_VARIABLE = "SEQ2SEQ_DEVICE"
SIZES = ("src_vocab_size", "tgt_vocab_size", "emb_dim", "enc_hidden", "dec_hidden")
# Who asks if the configuration does not say it, by wiring.
WIRINGS = {"bahdanau": "before", "luong": "after"}


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides the shape of a model.

    Args:
        src_vocab_size: number of source tokens.
        tgt_vocab_size: number of target tokens.
        attention: a name in ``attention.MECHANISMS``.
        emb_dim: size of the embeddings on both sides.
        enc_hidden: size of one direction of the encoder.
        dec_hidden: size of the decoder's state and of additive attention's layer.
        bidirectional: whether the encoder reads both ways.
        dropout: probability of dropping a component while training.
        query: ``before`` or ``after``: which state of the decoder asks (see ``Decoder``).
            By default what the wiring does: Bahdanau's asks before the step, Luong's after.
        wiring: ``bahdanau`` or ``luong``: see ``Decoder`` and ``LuongDecoder``.
        input_feeding: of Luong's wiring.
        heads, window, positions: of the mechanisms that have them (``attention.SIZES``);
            None is the mechanism's own choice.
        output: ``linear`` or ``tied``: how words are scored (see ``output``).
        output_dropout: before the output layer; None = as ``dropout``.

    Raises:
        ValueError: an option is not known, a number is none or out of range, or options
            contradict each other.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    attention: str = "additive"
    emb_dim: int = 64
    enc_hidden: int = 96
    dec_hidden: int = 96
    bidirectional: bool = True
    dropout: float = 0.0
    query: str = ""
    wiring: str = "bahdanau"
    input_feeding: bool = False
    heads: int | None = None
    window: int | None = None
    positions: int | None = None
    output: str = "linear"
    output_dropout: float | None = None

    def __post_init__(self) -> None:
        store = partial(object.__setattr__, self)  # numbers of NumPy become Python's
        option("wiring", self.wiring, WIRINGS)
        store("query", self.query or WIRINGS[self.wiring])
        option("query", self.query, QUERIES)
        for name in ("bidirectional", "input_feeding"):
            value = getattr(self, name)
            require(value in (True, False), f"{name} must be True or False, got {value!r}.")
            store(name, bool(value))
        if self.wiring == "luong":
            require(
                self.query == "after",
                "Luong's wiring asks after the step; leave query out, or choose "
                f"query='after' instead of {self.query!r}.",
            )
        require(
            self.wiring == "luong" or not self.input_feeding,
            "input_feeding=True is a part of Luong's wiring; choose wiring='luong' instead "
            f"of {self.wiring!r}.",
        )
        for name in SIZES:
            store(name, whole(name, getattr(self, name), at_least=1))
        for name, value in check_mechanism(self.attention, **self.attention_sizes).items():
            store(name, whole(name, value, at_least=1))
        store("dropout", number("dropout", self.dropout, at_least=0, below=1))
        option("output", self.output, OUTPUTS)
        if self.output_dropout is not None:
            rate = number("output_dropout", self.output_dropout, at_least=0, below=1)
            store("output_dropout", rate)

    @property
    def attention_sizes(self) -> dict[str, int | None]:
        """The sizes that only some mechanisms have."""
        return {name: getattr(self, name) for name in OF_ATTENTION}

    @property
    def enc_dim(self) -> int:
        """Size of an encoder state: both directions side by side."""
        return self.enc_hidden * (2 if self.bidirectional else 1)


class Seq2Seq(nn.Module):
    """An encoder and a decoder.

    Args:
        encoder: reads the source.
        decoder: writes the target.
        config: what both were built from; None if they were put together by hand.
    """

    def __init__(
        self, encoder: Encoder, decoder: Writer, config: ModelConfig | None = None
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.config = encoder, decoder, config

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Unrolled:
        """Score every target token of ``batch``, given the ones before it.

        With ``teacher_forcing`` below 1 some of those are the model's own (see
        ``Decoder.unroll``).
        """
        encoded = self.encoder(batch.src_ids, batch.src_lengths)
        return self.decoder.unroll(batch.tgt_in, encoded, teacher_forcing)

    @property
    def device(self) -> torch.device:
        """Where the parameters are; a batch must be moved there."""
        return next(self.parameters()).device

    @property
    def n_parameters(self) -> int:
        """How many numbers training may change."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Without dropout inside; then, also after an error, every module's mode is back."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _default_device() -> torch.device:
    name = os.environ.get(DEVICE_VARIABLE, "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # AssertionError: a PyTorch without CUDA
        raise ValueError(
            f"{DEVICE_VARIABLE}={name!r} is no device of this machine; unset it."
        ) from None


def build_model(config: ModelConfig, seed: int = 0) -> Seq2Seq:
    """A model with fresh weights on the device that ``SEQ2SEQ_DEVICE`` names, or the CPU.

    So the same chapter runs on a GPU: start it with ``SEQ2SEQ_DEVICE=cuda``. The same seed
    gives the same weights on every device. The global random state is left as it was.

    Raises:
        ValueError: ``seed`` is no whole number, the sizes do not suit the attention, or
            this machine has no such device.
    """
    seed = whole("seed", seed, at_least=-(2**63), at_most=2**64 - 1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the CPU's alone
        model = _assemble(config)
    return model.to(_default_device())


@torch.no_grad()
def bias_update_gates(model: Seq2Seq, bias: SupportsFloat) -> Seq2Seq:
    """Let a fresh model begin by keeping its states: the same model, changed in place.

    PyTorch's GRU steps by h' = (1 - z) n + z h with z = sigmoid(... + b_z), and z is near
    1/2 at first: half of a state is gone after one token. ``bias`` is added to b_z in the
    encoder and in the decoder; with 1, about 0.73 is kept. Jozefowicz et al. (2015) do so
    with the forget gate of an LSTM.

    Raises:
        ValueError: ``bias`` is no finite number.
    """
    bias = number("bias", bias)
    for unit in (model.encoder.gru, model.decoder.unit):
        for name, parameter in unit.named_parameters():
            if name.startswith("bias_ih"):  # r, z, n: the second third
                parameter[unit.hidden_size : 2 * unit.hidden_size] += bias
    return model


def _assemble(config: ModelConfig) -> Seq2Seq:
    encoder = Encoder(
        vocab_size=config.src_vocab_size,
        emb_dim=config.emb_dim,
        hidden=config.enc_hidden,
        bidirectional=config.bidirectional,
        dropout=config.dropout,
    )
    attention = build_attention(
        config.attention, config.dec_hidden, config.enc_dim, **config.attention_sizes
    )
    wired: Callable[..., Writer]
    if config.wiring == "luong":
        wired = partial(LuongDecoder, input_feeding=config.input_feeding)
    else:
        wired = partial(Decoder, query=config.query)
    decoder = wired(
        config.tgt_vocab_size,
        config.emb_dim,
        config.dec_hidden,
        config.enc_dim,
        attention,
        config.dropout,
        output=config.output,
        output_dropout=config.output_dropout,
    )
    return Seq2Seq(encoder, decoder, config)


def _weightless(config: ModelConfig) -> Seq2Seq:
    """The model of ``config`` with shapes and no numbers."""
    with torch.device("meta"):
        return _assemble(config)


def n_parameters(config: ModelConfig) -> int:
    """How many parameters the model of ``config`` has, without allocating them."""
    return _weightless(config).n_parameters


def widen(config: ModelConfig, at_least: int | float) -> ModelConfig:
    """The smallest widening of ``config`` with ``at_least`` so many parameters.

    Both hidden sizes grow together, one unit at a time, or as many as there are heads;
    where the attention needs a decoder as wide as the encoder's states, the decoder grows
    with their width. A fair comparison gives the model without attention the parameters
    that attention costs.

    Raises:
        ValueError: ``at_least`` is above 10**12, or the sizes do not suit the attention.
    """
    at_least = number("at_least", at_least, at_most=10**12)
    attention = _weightless(config).decoder.attention
    per_unit = config.enc_dim // config.enc_hidden if attention.equal_sizes else 1

    def wider(steps: int) -> ModelConfig:
        units = steps * attention.multiple  # so that heads still divide the size
        dec_hidden = config.dec_hidden + units * per_unit
        return replace(config, enc_hidden=config.enc_hidden + units, dec_hidden=dec_hidden)

    # A million units are enough: the parameters grow with the square of the sizes.
    return wider(bisect_left(range(10**6), at_least, key=lambda n: n_parameters(wider(n))))


def token_loss(
    logits: Float[Tensor, "batch tgt_len vocab"],
    batch: Batch,
    reduction: str = "mean",
    smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of the target tokens in nats, padding left out.

        loss = - mean over real tokens of log p(y_t | y_(<t), x)

    Args:
        logits: the model's scores for ``batch.tgt_out``.
        batch: the batch that they were computed from; else a ValueError.
        reduction: ``"mean"`` or ``"sum"`` over the real tokens.
        smoothing: this share of the probability is wanted evenly of all words, so that
            no score has to grow without end (label smoothing; Szegedy et al. 2016).
    """
    given, wanted = tuple(logits.shape[:2]), tuple(batch.tgt_out.shape)
    require(given == wanted, f"The logits are for {given} tokens; the batch has {wanted}.")
    return cross_entropy(
        at_least_float32(logits).flatten(0, 1),
        batch.tgt_out.flatten(),
        ignore_index=PAD,
        reduction=reduction,
        label_smoothing=smoothing,
    )
