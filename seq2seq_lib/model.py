"""An encoder and a decoder, put together from a configuration."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seq2seq_lib.attention import (
    Additive,
    Attention,
    Dot,
    FixedContext,
    General,
    Uniform,
)
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import QUERIES, Decoder, Unrolled
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.vocab import PAD

DEVICE_VARIABLE = "SEQ2SEQ_DEVICE"
ATTENTIONS = ("fixed", "uniform", "additive", "dot", "dot_unscaled", "general")


@dataclass(frozen=True)
class ModelConfig:
    """Everything that decides the shape of a model.

    Args:
        src_vocab_size: number of source tokens.
        tgt_vocab_size: number of target tokens.
        attention: ``fixed``, ``uniform``, ``additive``, ``dot`` (scaled by the square
            root of the size), ``dot_unscaled`` or ``general``.
        emb_dim: size of the embeddings on both sides.
        enc_hidden: size of one direction of the encoder.
        dec_hidden: size of the decoder's state and of additive attention's layer.
        bidirectional: whether the encoder reads both ways.
        dropout: probability of dropping a component while training.
        query: ``before`` or ``after``: which state of the decoder asks (see ``Decoder``).

    Raises:
        ValueError: an option is not known, or a size is out of range.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    attention: str = "additive"
    emb_dim: int = 64
    enc_hidden: int = 96
    dec_hidden: int = 96
    bidirectional: bool = True
    dropout: float = 0.0
    query: str = "before"

    def __post_init__(self) -> None:
        for name, known in (("attention", ATTENTIONS), ("query", QUERIES)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} is not an option; choose one of "
                    f"{', '.join(known)}."
                )
        for name in (
            "src_vocab_size",
            "tgt_vocab_size",
            "emb_dim",
            "enc_hidden",
            "dec_hidden",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"dropout must lie between 0 and 1, below 1, got {self.dropout}."
            )

    @property
    def enc_dim(self) -> int:
        """Size of an encoder state: both directions side by side."""
        return self.enc_hidden * (2 if self.bidirectional else 1)


class Seq2Seq(nn.Module):
    """An encoder and a decoder."""

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

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
    """Without dropout inside the block; then in the mode it had, also after an error."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def build_attention(config: ModelConfig) -> Attention:
    """The attention module that ``config`` names."""
    if config.attention == "fixed":
        return FixedContext()
    if config.attention == "uniform":
        return Uniform()
    if config.attention in ("dot", "dot_unscaled"):
        scaled = config.attention == "dot"
        return Dot(config.dec_hidden, config.enc_dim, scaled=scaled)
    if config.attention == "general":
        return General(config.dec_hidden, config.enc_dim)
    return Additive(config.dec_hidden, config.enc_dim, config.dec_hidden)


def default_device() -> torch.device:
    """Where ``build_model`` puts a model: what ``SEQ2SEQ_DEVICE`` names, else the CPU.

    So the same chapter runs on a GPU: start it with ``SEQ2SEQ_DEVICE=cuda``.

    Raises:
        ValueError: this machine has no such device.
    """
    name = os.environ.get(DEVICE_VARIABLE, "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # AssertionError: a PyTorch without CUDA
        raise ValueError(
            f"{DEVICE_VARIABLE}={name!r} is not a device that PyTorch has on this "
            "machine; unset it to use the CPU."
        ) from None


def build_model(config: ModelConfig, seed: int = 0) -> Seq2Seq:
    """A model with fresh weights on the default device.

    The same seed gives the same weights on every device. The global random state is
    left as it was.

    Raises:
        ValueError: ``SEQ2SEQ_DEVICE`` names a device that this machine does not have.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # the CPU's alone
        model = _assemble(config)
    return model.to(default_device())


def _assemble(config: ModelConfig) -> Seq2Seq:
    encoder = Encoder(
        config.src_vocab_size,
        config.emb_dim,
        config.enc_hidden,
        config.bidirectional,
        config.dropout,
    )
    decoder = Decoder(
        config.tgt_vocab_size,
        config.emb_dim,
        config.dec_hidden,
        config.enc_dim,
        build_attention(config),
        config.dropout,
        config.query,
    )
    return Seq2Seq(encoder, decoder)


def n_parameters(config: ModelConfig) -> int:
    """How many parameters the model of ``config`` has, without allocating them."""
    with torch.device("meta"):
        return _assemble(config).n_parameters


def widen(config: ModelConfig, at_least: int) -> ModelConfig:
    """The smallest widening of ``config`` with ``at_least`` so many parameters.

    Both hidden sizes grow together, one unit at a time. A fair comparison gives the
    model without attention the parameters that attention costs.
    """
    while n_parameters(config) < at_least:
        config = replace(
            config, enc_hidden=config.enc_hidden + 1, dec_hidden=config.dec_hidden + 1
        )
    return config


def token_loss(
    logits: Float[Tensor, "batch tgt_len vocab"], batch: Batch, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of the target tokens in nats, padding left out.

        loss = - mean over real tokens of log p(y_t | y_(<t), x)

    Args:
        logits: the model's scores for ``batch.tgt_out``.
        batch: the batch that they were computed from.
        reduction: ``"mean"`` or ``"sum"`` over the real tokens.

    Raises:
        ValueError: the logits do not fit the batch.
    """
    if logits.shape[:2] != batch.tgt_out.shape:
        raise ValueError(
            f"The logits are for {tuple(logits.shape[:2])} (batch, tgt_len) tokens but "
            f"the batch has {tuple(batch.tgt_out.shape)}."
        )
    return cross_entropy(
        logits.flatten(0, 1),
        batch.tgt_out.flatten(),
        ignore_index=PAD,
        reduction=reduction,
    )
