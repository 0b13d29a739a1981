"""A Transformer by hand: an encoder and a decoder that have nothing but attention.

No state is carried from word to word. In every layer each word looks at others: a source
word at the source, a target word at those before it and then at the source. The model
stands where a ``Seq2Seq`` stands: the same loop trains it, the same searches decode it.

Axis names: those of ``attention``; ``heads`` look side by side, ``size`` is that of one;
``length`` words ask and ``seen`` words are looked at.

Source: Vaswani et al. 2017. We deviate in two places: layers are normalised first unless
told otherwise, and source and target share no embeddings.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import Step, Unrolled, words_only
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import Seq2Seq, _default_device, evaluating
from seq2seq_lib.require import number, option, require, whole
from seq2seq_lib.vocab import PAD

POSITIONS, NORMS = ("sinusoidal", "learned", "none"), ("first", "last")
SIZES = ("src_vocab_size", "tgt_vocab_size", "dim", "heads", "layers", "hidden", "max_len")

Ids = Int64[Tensor, "batch length"]
PerRow = Int64[Tensor, " batch"]
States = Float[Tensor, "batch length dim"]
Query = Float[Tensor, "batch heads length size"]
Slots = Float[Tensor, "batch seen dim"]  # keys or values, all heads side by side
Split = Float[Tensor, "batch heads seen size"]  # keys or values of each head
Mask = Bool[Tensor, "#batch #length seen"]  # True = may be looked at
Weights = Float[Tensor, "batch heads length seen"]
Cache = Float[Tensor, "batch _ kept"]  # keys and values of the words read so far
Places = Float[Tensor, "length dim"]
Look = tuple[States, Weights]
Read = tuple[States, Cache, States, Float[Tensor, "batch heads length src_len"]]


def attend(query: Query, keys: Split, values: Split, mask: Mask) -> tuple[Query, Weights]:
    """Scaled dot-product attention, all heads at once: ``context`` and ``weights``.

        weights[t] = softmax over s of (query[t] . keys[s] / sqrt(size))
        context[t] = sum over s of weights[t, s] values[s]

    It is ``attention.Dot`` with a mask for every query, because a word of the target must
    not look ahead. Source: Vaswani et al. 2017, equation 1.

    Raises:
        ValueError: queries and keys differ in size, the mask has another shape, or it lets
            a query look nowhere.
    """
    (*_, length, size), (*_, seen, key_size) = query.shape, keys.shape
    require(size == key_size, f"Keys need the queries' size, {size}, got {key_size}.")
    shape, wanted = tuple(mask.shape[1:]), (length, seen)
    fits = shape in (wanted, (1, seen))
    require(fits, f"The mask must have shape {wanted}, got {shape}.")
    if not mask.is_meta and not mask.any(dim=-1).all():
        raise ValueError("A row of the mask has no True: a word must look at something.")
    scores = query @ keys.transpose(2, 3) / math.sqrt(size)
    weights = scores.masked_fill(~mask[:, None], -math.inf).softmax(dim=-1)
    return weights @ values, weights


def causal_mask(length: int) -> Bool[Tensor, "length length"]:
    """Row t is True up to t: a word may look at itself and at those before it.

    Training reads the whole target at once, so without this mask every word could look
    at its own answer. Source: Vaswani et al. 2017, section 3.2.3.

    >>> causal_mask(3).int().tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    """
    return torch.ones(length, length, dtype=torch.bool).tril()


def sinusoids(places: range, dim: int) -> Places:
    """Waves, each pair of components slower than the one before.

        position(p)[2i] = sin(p / 10000^(2i / dim)),   [2i + 1] = cos(the same)

    Source: Vaswani et al. 2017, section 3.5.
    """
    p = torch.arange(places.start, places.stop)[:, None]
    angles = p / 10000 ** (torch.arange(0, dim, 2) / dim)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :dim]


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that decides the shape of a Transformer.

    Args:
        src_vocab_size, tgt_vocab_size: number of tokens on either side.
        dim: size of embeddings and states.
        heads: how many look side by side in every layer; they must divide ``dim``.
        layers: of the encoder, and of the decoder.
        hidden: size of the feed-forward networks' hidden layer.
        dropout: probability of dropping a component of the embeddings, and of what each
            part of a layer adds, while training.
        positions: ``"sinusoidal"``, ``"learned"`` or ``"none"``, as in ``Positions``.
        norm: ``"first"`` or ``"last"``, as in ``Residual``.
        tied: the output layer has the matrix of the target's embeddings (Press and Wolf
            2017).
        max_len: the longest source or target for which learned positions have a row.

    Raises:
        ValueError: an option is not known, or a number is none, out of range or does not
            suit another.
    """

    src_vocab_size: int
    tgt_vocab_size: int
    dim: int = 64
    heads: int = 4
    layers: int = 2
    hidden: int = 256
    dropout: float = 0.0
    positions: str = "sinusoidal"
    norm: str = "first"
    tied: bool = False
    max_len: int = 128

    def __post_init__(self) -> None:
        option("positions", self.positions, POSITIONS)
        option("norm", self.norm, NORMS)
        known = self.tied in (True, False)
        require(known, f"tied must be True or False, got {self.tied!r}.")
        store = partial(object.__setattr__, self)  # numbers of NumPy become Python's
        for name in SIZES:
            store(name, whole(name, getattr(self, name), at_least=1))
        store("tied", bool(self.tied))
        store("dropout", number("dropout", self.dropout, at_least=0, below=1))
        sizes = f"got dim={self.dim} and heads={self.heads}"
        require(self.dim % self.heads == 0, f"The heads must divide the size, {sizes}.")


class Positions(nn.Module):
    """Where a word stands is added to what it is.

        x_p = sqrt(dim) E y_p + position(p)      (Vaswani et al. 2017, sections 3.4, 3.5)

    ``sinusoidal`` positions are ``sinusoids``; ``learned`` ones are the trained rows of a
    table, beyond which there is a ValueError (Gehring et al. 2017, section 3.1); with
    ``none`` a word is the same wherever it stands.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.kind, self.dim = config.positions, config.dim
        if self.kind == "learned":
            self.table = nn.Embedding(config.max_len, config.dim)

    def at(self, places: range) -> Places:
        """What is added at each of these places, counted from 0."""
        if self.kind != "learned":
            return sinusoids(places, self.dim) * (self.kind == "sinusoidal")
        rows, wanted = self.table.num_embeddings, places.stop
        told = f"The table has {rows} positions, got {wanted} words; raise max_len."
        require(wanted <= rows, told)
        return self.table.weight[places.start : wanted]

    def forward(self, embedded: States, start: int = 0) -> States:
        """The words from place ``start`` on."""
        places = range(start, start + embedded.shape[1])
        return math.sqrt(self.dim) * embedded + self.at(places).to(embedded)


class MultiHead(nn.Module):
    """Multi-head attention: several looks side by side, each in a space of its own.

        head_i = attend(Q_i x, K_i y, V_i y)
        context = O [head_1 ; ... ; head_n]

    where the words x ask and the words y are looked at. Q, K and V hold the matrices of all
    heads, one below the other. Source: Vaswani et al. 2017, section 3.2.2.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads, dim = config.heads, config.dim
        self.query_proj, self.key_proj = nn.Linear(dim, dim), nn.Linear(dim, dim)  # Q, K
        self.value_proj, self.output = nn.Linear(dim, dim), nn.Linear(dim, dim)  # V, O

    def project(self, states: Slots) -> tuple[Slots, Slots]:
        """The keys and values of what is looked at: made once, however many ask."""
        return self.key_proj(states), self.value_proj(states)

    def _split(self, states: Slots) -> Split:
        return states.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, states: States, keys: Slots, values: Slots, mask: Mask) -> Look:
        """Let every state ask: the context, and where each head looked."""
        query, keys, values = map(self._split, (self.query_proj(states), keys, values))
        context, weights = attend(query, keys, values, mask)
        return self.output(context.transpose(1, 2).flatten(2)), weights


class Residual(nn.Module):
    """What a part f of a layer finds out is added to the states, which are kept.

        norm "first":   x + f(norm(x))       (Xiong et al. 2020)
        norm "last":    norm(x + f(x))       (Vaswani et al. 2017, section 3.1; PyTorch)

    Norm last is the original. Deep models need a long warm-up with it, and none with norm
    first.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.first = config.norm == "first"
        self.norm, self.dropout = nn.LayerNorm(config.dim), nn.Dropout(config.dropout)

    def enter(self, states: States) -> States:
        """What f is given."""
        return self.norm(states) if self.first else states

    def leave(self, states: States, change: States) -> States:
        """The states after ``change``, which is what f answered."""
        states = states + self.dropout(change)
        return states if self.first else self.norm(states)


def _feed_forward(config: TransformerConfig) -> nn.Sequential:
    """f(x) = W_2 max(0, W_1 x + b_1) + b_2 (Vaswani et al. 2017, equation 2)."""
    sizes = config.dim, config.hidden
    return nn.Sequential(nn.Linear(*sizes), nn.ReLU(), nn.Linear(*sizes[::-1]))


class EncoderLayer(nn.Module):
    """All words look at each other; then each thinks by itself."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention, self.add_self = MultiHead(config), Residual(config)
        self.feed_forward, self.add_feed = _feed_forward(config), Residual(config)

    def forward(self, states: States, mask: Mask) -> States:
        """The states after the layer; ``mask`` says which words are real."""
        asking = self.add_self.enter(states)
        context, _ = self.self_attention(asking, *self.self_attention.project(asking), mask)
        states = self.add_self.leave(states, context)
        return self.add_feed.leave(states, self.feed_forward(self.add_feed.enter(states)))


class DecoderLayer(nn.Module):
    """Words look at those before them, then at the source; then each thinks by itself."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.self_attention, self.add_self = MultiHead(config), Residual(config)
        self.cross_attention, self.add_cross = MultiHead(config), Residual(config)
        self.feed_forward, self.add_feed = _feed_forward(config), Residual(config)

    def forward(self, states: States, cache: Cache, mask: Mask, memory: Memory) -> Read:
        """Read words that follow those in ``cache``, which may be none.

        Args:
            states: of the new words, (batch, length, dim).
            cache: keys and values of the words before, (batch, read, 2 * dim).
            mask: at which words, those before first, each new one may look.
            memory: the source's keys and values for this layer.

        Returns:
            the new states, ``cache`` with the new words, what was read from the source,
            (batch, length, dim), and where each head read it.
        """
        asking = self.add_self.enter(states)
        new = torch.cat(self.self_attention.project(asking), dim=-1)
        cache = torch.cat([cache, new], dim=1)
        context, _ = self.self_attention(asking, *cache.chunk(2, dim=-1), mask)
        states = self.add_self.leave(states, context)
        keys, values, src_mask = memory
        asking = self.add_cross.enter(states)
        context, weights = self.cross_attention(asking, keys, values, src_mask[:, None])
        states = self.add_cross.leave(states, context)
        states = self.add_feed.leave(states, self.feed_forward(self.add_feed.enter(states)))
        return states, cache, context, weights


class _Stack(nn.Module):
    """What the encoder and the decoder have in common: embeddings, layers, a last norm."""

    layer: type  # what it is made of

    def __init__(self, config: TransformerConfig, tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, config.dim, padding_idx=PAD)
        self.positions, self.dropout = Positions(config), nn.Dropout(config.dropout)
        self.layers: Any = nn.ModuleList(self.layer(config) for _ in range(config.layers))
        # Layers that end with a norm need no other, though nn.Transformer has one.
        self.norm = nn.LayerNorm(config.dim) if config.norm == "first" else nn.Identity()

    def embed(self, ids: Ids, start: int = 0) -> States:
        """What the first layer is given, of words from place ``start`` on."""
        return self.dropout(self.positions(self.embedding(ids), start))


class TransformerEncoder(_Stack):
    """Every source word, after it has looked at all the others in every layer."""

    layer = EncoderLayer

    def forward(self, src_ids: Ids, src_lengths: PerRow) -> Encoded:
        """Encode a padded batch.

        The summary is the mean of a sentence's states; no decoder here reads it.

        Raises:
            ValueError: a length is below 1 or above ``src_len``, or not one for each row;
                a table of positions is too short.
        """
        (batch, src_len), given = src_ids.shape, src_lengths.tolist()
        fits = len(given) == batch and all(1 <= length <= src_len for length in given)
        require(fits, f"Give {batch} src_lengths from 1 to {src_len}, got {given}.")
        src_mask = (torch.arange(src_len) < src_lengths.cpu()[:, None]).to(src_ids.device)
        states = self.embed(src_ids)
        for layer in self.layers:
            states = layer(states, src_mask[:, None])
        states = self.norm(states).masked_fill(~src_mask[:, :, None], 0.0)
        summary = states.sum(dim=1) / src_mask.sum(dim=1, keepdim=True)
        return Encoded(states, summary, src_mask)


class TransformerDecoder(_Stack):
    """Scores the next target word from those before it and from the source.

    What a recurrent decoder carries as its state is a cache here: the keys and values of
    all words so far in every layer, (batch, read, layers * 2 * dim). A step adds one word,
    and a search reorders the rows, like those of any state.

    Attributes:
        self_mask: called with a length, says which target word may look at which.
    """

    layer = DecoderLayer

    def __init__(self, config: TransformerConfig, tokens: int) -> None:
        super().__init__(config, tokens)
        self.output, self.self_mask = nn.Linear(config.dim, tokens), causal_mask
        if config.tied:
            self.output.weight = self.embedding.weight

    @property
    def attention(self) -> "TransformerDecoder":
        """Who makes the memory; a search asks a decoder's ``attention`` for it."""
        return self

    def memory(self, encoded: Encoded) -> Memory:
        """The source's keys and values for every layer, side by side."""
        projected = [layer.cross_attention.project(encoded.states) for layer in self.layers]
        keys, values = (torch.cat(part, dim=-1) for part in zip(*projected, strict=True))
        return Memory(keys, values, encoded.src_mask)

    def initial_state(self, encoded: Encoded) -> Cache:
        """The cache before the first step: of no word."""
        batch, _, dim = encoded.states.shape
        return encoded.states.new_zeros(batch, 0, len(self.layers) * 2 * dim)

    def read(self, ids: Ids, cache: Cache, mask: Mask, memory: Memory) -> Read:
        """As ``DecoderLayer.forward``, in all layers; the last one's look at the source."""
        states, caches = self.embed(ids, cache.shape[1]), []
        parts = (x.chunk(len(self.layers), dim=-1) for x in (cache, *memory[:2]))
        for layer, its_cache, keys, values in zip(self.layers, *parts, strict=True):
            its_memory = Memory(keys, values, memory.mask)
            states, new, context, weights = layer(states, its_cache, mask, its_memory)
            caches.append(new)
        return self.norm(states), torch.cat(caches, dim=-1), context, weights

    def step(self, prev_ids: PerRow, dec_state: Cache, memory: Memory) -> Step:
        """Read one target token and score the next; ``dec_state`` is the cache."""
        word, mask = prev_ids[:, None], memory.mask.new_ones(1, 1, dec_state.shape[1] + 1)
        states, cache, context, weights = self.read(word, dec_state, mask, memory)
        logits, weights = self.output(states[:, 0]), weights.mean(dim=1)
        return Step(logits, cache, context[:, 0], weights[:, 0])  # one word: drop length

    def unroll(
        self, tgt_in: Ids, encoded: Encoded, teacher_forcing: float = 1.0
    ) -> Unrolled:
        """Score every token of a known target, all at once.

        ``weights`` are the last layer's at the source, the mean over its heads (each is in
        ``head_weights``), and ``dec_states`` what the output layer reads. Arguments and
        errors are those of ``Decoder.unroll``.
        """
        number("teacher_forcing", teacher_forcing, at_least=0, at_most=1)
        if teacher_forcing < 1:
            tgt_in = self._mixed(tgt_in, encoded, teacher_forcing)
        mask = self.self_mask(tgt_in.shape[1])[None].to(tgt_in.device)
        nothing, memory = self.initial_state(encoded), self.memory(encoded)
        states, _, _, weights = self.read(tgt_in, nothing, mask, memory)
        return Unrolled(self.output(states), weights.mean(dim=1), states)

    @torch.no_grad()
    def _mixed(self, tgt_in: Ids, encoded: Encoded, rate: float) -> Ids:
        """What is read where some words are the model's own, which it writes one by one."""
        # Drawn on the CPU, so that the same seed gives the same choices on every device.
        forced = (torch.rand(tgt_in.shape) < rate).to(tgt_in.device)
        memory, ids = self.memory(encoded), tgt_in.clone()
        cache: Any = self.initial_state(encoded)
        for t in range(tgt_in.shape[1] - 1):
            logits, cache, _, _ = self.step(ids[:, t], cache, memory)
            own = words_only(logits).argmax(dim=-1)
            ids[:, t + 1] = torch.where(forced[:, t + 1], tgt_in[:, t + 1], own)
        return ids


class Transformer(Seq2Seq):
    """An encoder and a decoder of one configuration, to be used like any ``Seq2Seq``.

    Matrices begin as Xavier's, like those of PyTorch's nn.Transformer; embeddings with a
    standard deviation of 1 / sqrt(dim), which ``Positions`` scales to 1.
    """

    encoder: Any  # both answer the calls that Encoder and Decoder answer
    decoder: Any
    config: Any

    def __init__(self, config: TransformerConfig) -> None:
        nn.Module.__init__(self)  # the parts of a Seq2Seq are recurrent
        self.config = config
        self.encoder = TransformerEncoder(config, config.src_vocab_size)
        self.decoder = TransformerDecoder(config, config.tgt_vocab_size)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for side in (self.encoder, self.decoder):
            nn.init.normal_(side.embedding.weight, std=config.dim**-0.5)
            nn.init.zeros_(side.embedding.weight[PAD])

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return str(self.config)


def build_transformer(config: TransformerConfig, seed: int = 0) -> Transformer:
    """A Transformer with fresh weights; seed, device and errors as in ``build_model``."""
    seed = whole("seed", seed, at_least=-(2**63), at_most=2**64 - 1)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        model = Transformer(config)
    return model.to(_default_device())


@torch.no_grad()
def head_weights(model: Transformer, batch: Batch) -> dict[str, Weights]:
    """Where each head of each layer looks, teacher-forced and without dropout.

    Returns:
        weights, (batch, heads, length, seen), by the module's name: those of the source
        under ``encoder.layers.0.self_attention``, of the target under
        ``decoder.layers.0.self_attention``, and of the target at the source under
        ``decoder.layers.0.cross_attention``, for every layer.
    """
    found: dict[str, Tensor] = {}
    with ExitStack() as hooks, evaluating(model):
        for at, part in model.named_modules():
            if isinstance(part, MultiHead):
                hooks.enter_context(part.register_forward_hook(partial(_keep, found, at)))
        model(batch)
    return found


def _keep(found: dict[str, Tensor], at: str, *call: Any) -> None:
    *_, (_, found[at]) = call  # the module, what it was given, what it answered
