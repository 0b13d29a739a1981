"""Write a target sequence, one token at a time, looking at a memory at every step.

Two wirings of one idea: ``Decoder`` looks before its recurrent step (Bahdanau et al. 2015),
``LuongDecoder`` after it (Luong et al. 2015).
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from seq2seq_lib.attention import Attention, Memory, Past
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.output import DeepOutput, output_layer
from seq2seq_lib.require import number, option
from seq2seq_lib.vocab import BOS, PAD

QUERIES = ("before", "after")

Hidden = Float[Tensor, "batch dec_hidden"]
Context = Float[Tensor, "batch enc_dim"]
Weights = Float[Tensor, "batch src_len"]


@dataclass(frozen=True, eq=False)
class Carried:
    """What goes from step to step where the recurrent state is not all of it.

    ``carried[rows]`` are these rows of the batch, as for a tensor: what a search keeps.

    Args:
        hidden: the recurrent state s_t, (batch, dec_hidden).
        fed: the attentional vector that input feeding puts into the next step, (batch,
            dec_hidden); None without it.
        past: what the attention remembers or counts; None if nothing.
    """

    hidden: Hidden
    fed: Hidden | None = None
    past: Past = None

    def __getitem__(self, rows: Tensor) -> "Carried":
        fed, past = (p if p is None else p[rows] for p in (self.fed, self.past))
        return Carried(self.hidden[rows], fed, past)


# A decoder's state: s_t, as a tensor, wherever nothing else is carried.
State = Hidden | Carried


def hidden_of(dec_state: State) -> Hidden:
    """The recurrent state s_t, whatever else is carried."""
    return dec_state.hidden if isinstance(dec_state, Carried) else dec_state


def past_of(dec_state: State) -> Past:
    """What the attention remembers or counts."""
    return dec_state.past if isinstance(dec_state, Carried) else None


def pack(hidden: Hidden, fed: Hidden | None, past: Past) -> State:
    """A state of three parts, or the tensor ``hidden`` if the others are None."""
    return hidden if fed is None and past is None else Carried(hidden, fed, past)


class Step(NamedTuple):
    """One step's answer.

    Args:
        logits: scores of every target token before the softmax, (batch, vocab).
        dec_state: the decoder's state after the step, to be handed to the next: s_t,
            (batch, dec_hidden), or ``Carried`` where more than s_t goes on.
        context: what was read from the memory, (batch, enc_dim).
        weights: where it was read, (batch, src_len).
    """

    logits: Float[Tensor, "batch vocab"]
    dec_state: State
    context: Context
    weights: Weights


class Unrolled(NamedTuple):
    """The answers of all steps of a whole target.

    Args:
        logits: (batch, tgt_len, vocab).
        weights: row t is where step t looked, (batch, tgt_len, src_len).
        dec_states: s_t after each step, (batch, tgt_len, dec_hidden).
    """

    logits: Float[Tensor, "batch tgt_len vocab"]
    weights: Float[Tensor, "batch tgt_len src_len"]
    dec_states: Float[Tensor, "batch tgt_len dec_hidden"]


def words_only(scores: Float[Tensor, "*rows vocab"]) -> Float[Tensor, "*rows vocab"]:
    """PAD and BOS are no words: they stand before and after what is written."""
    never = torch.tensor([PAD, BOS], device=scores.device)
    return scores.index_fill(-1, never, -math.inf)


class Writer(nn.Module):
    """What every decoder is: a first state, a step, and all steps of a known target."""

    attention: Attention
    embedding: nn.Embedding
    initial: nn.Linear
    output: nn.Linear | DeepOutput
    dropout: nn.Dropout
    output_dropout: nn.Dropout | None  # None: as ``dropout``

    @property
    def unit(self) -> nn.GRUCell | nn.GRU:
        """The recurrent unit."""
        raise NotImplementedError

    def initial_state(self, encoded: Encoded) -> State:
        """The state before the first step, s_0 = tanh(P summary)."""
        return torch.tanh(self.initial(encoded.summary))

    def ask(
        self, hidden: Hidden, memory: Memory, past: Past
    ) -> tuple[Context, Weights, Past]:
        """Ask with one state: c_t, the weights, and what the attention remembers then."""
        context, weights, past = self.attention.look(hidden[:, None, :], memory, past)
        return context[:, 0], weights[:, 0], past  # one query: drop tgt_len

    def look(self, dec_state: State, memory: Memory) -> tuple[Context, Weights]:
        """Ask with one state: c_t and the weights."""
        return self.ask(hidden_of(dec_state), memory, past_of(dec_state))[:2]

    def score(
        self, features: Float[Tensor, "*rows features"]
    ) -> Float[Tensor, "*rows vocab"]:
        """The output layer: the logits of all words from what the decoder knows."""
        features = (self.output_dropout or self.dropout)(features)
        if isinstance(self.output, DeepOutput):
            return self.output(features, self.embedding.weight)
        return self.output(features)

    def step(
        self, prev_ids: Int64[Tensor, " batch"], dec_state: State, memory: Memory
    ) -> Step:
        """Read one target token and score the next."""
        raise NotImplementedError

    def unroll(
        self,
        tgt_in: Int64[Tensor, "batch tgt_len"],
        encoded: Encoded,
        teacher_forcing: float = 1.0,
    ) -> Unrolled:
        """Score every token of a known target.

        With teacher forcing, every step reads the correct previous token. These are the
        numbers of ``step`` in a loop, but faster: what does not wait for the previous
        step is computed for all steps at once.

        Args:
            tgt_in: the correct previous tokens, BOS first.
            encoded: the source.
            teacher_forcing: the probability (else a ValueError) that a step reads the
                correct previous token; otherwise it reads the model's own most probable
                one (Bengio et al. 2015, section 2.4, who draw it from the model's
                distribution instead).
        """
        number("teacher_forcing", teacher_forcing, at_least=0, at_most=1)
        if teacher_forcing < 1:
            return self._unroll_mixed(tgt_in, encoded, teacher_forcing)
        return self._unroll_forced(tgt_in, encoded)

    def _unroll_forced(
        self, tgt_in: Int64[Tensor, "batch tgt_len"], encoded: Encoded
    ) -> Unrolled:
        """Every step reads the correct previous token."""
        raise NotImplementedError

    def _unroll_mixed(
        self, tgt_in: Int64[Tensor, "batch tgt_len"], encoded: Encoded, rate: float
    ) -> Unrolled:
        """Some steps read the model's own word, so each has to wait for the one before."""
        memory = self.attention.memory(encoded)
        # Drawn on the CPU, so that the same seed gives the same choices on every device.
        forced = (torch.rand(tgt_in.shape) < rate).to(tgt_in.device)
        steps = [self.step(tgt_in[:, 0], self.initial_state(encoded), memory)]
        for t in range(1, tgt_in.shape[1]):
            own = words_only(steps[-1].logits).argmax(dim=-1)
            prev_ids = torch.where(forced[:, t], tgt_in[:, t], own)
            steps.append(self.step(prev_ids, steps[-1].dec_state, memory))
        parts = ((step.logits, step.weights, hidden_of(step.dec_state)) for step in steps)
        return Unrolled(*(torch.stack(part, dim=1) for part in zip(*parts, strict=True)))


class Decoder(Writer):
    """A recurrent decoder that is given a context at every step.

    With y_(t-1) the previous target token, s_t the decoder's state and c_t the context:

        c_t = attention(query = s_(t-1), memory of the source)
        s_t = GRU([E y_(t-1) ; c_t], s_(t-1))
        logits_t = O [s_t ; c_t ; E y_(t-1)]
        s_0 = tanh(P summary)

    Source: Bahdanau et al. 2015, section 3.1 and appendix A.2. We deviate in two places:
    the first state is made from the whole summary (they use the backward half), and
    the output layer is one linear map (they use a maxout layer).

    Args:
        vocab_size: number of target tokens.
        emb_dim: size of a token's embedding.
        hidden: size of the decoder's state.
        enc_dim: size of an encoder state, and of the context.
        attention: the mechanism; it is all that tells a model with attention from one
            with a fixed context.
        dropout: probability of dropping a component of the embeddings and of the output
            layer's input while training.
        query: which state asks for the context that the output layer gets. ``"before"``,
            the equations above: one look per step, with s_(t-1), which has not read
            y_(t-1) yet. ``"after"``: the cell is fed as above, and then the decoder looks
            again with s_t (Luong et al. 2015, section 3.1); ``context`` and ``weights``
            are those of this second look. The parameters are the same. Both looks of a
            step go on from the same past, and only the second is remembered.
        output: ``"linear"``, one map O to the words, or ``"tied"``: see ``DeepOutput``.
        output_dropout: the probability for the output layer's input; by default
            ``dropout``.

    Raises:
        ValueError: ``query`` or ``output`` is not known.
    """

    def __init__(
        self,
        vocab_size: int,
        emb_dim: int,
        hidden: int,
        enc_dim: int,
        attention: Attention,
        dropout: float = 0.0,
        query: str = "before",
        output: str = "linear",
        output_dropout: float | None = None,
    ) -> None:
        super().__init__()
        option("query", query, QUERIES)
        self.query = query
        self.attention = attention
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.initial = nn.Linear(enc_dim, hidden)  # P
        self.cell = nn.GRUCell(emb_dim + enc_dim, hidden)
        self.output = output_layer(output, hidden + enc_dim + emb_dim, self.embedding)  # O
        self.dropout = nn.Dropout(dropout)
        own = None if output_dropout is None else nn.Dropout(output_dropout)
        self.output_dropout = own

    @property
    def unit(self) -> nn.GRUCell:
        return self.cell

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"query={self.query}"

    def advance(
        self, embedded: Float[Tensor, "batch emb"], dec_state: State, memory: Memory
    ) -> tuple[State, Context, Weights]:
        """Look, then move the state by one token: s_t, c_t and the weights."""
        hidden, before = hidden_of(dec_state), past_of(dec_state)
        context, weights, past = self.ask(hidden, memory, before)
        hidden = self.cell(torch.cat([embedded, context], dim=-1), hidden)
        if self.query == "after":
            context, weights, past = self.ask(hidden, memory, before)
        return pack(hidden, None, past), context, weights

    def step(
        self, prev_ids: Int64[Tensor, " batch"], dec_state: State, memory: Memory
    ) -> Step:
        """Read one target token and score the next."""
        embedded = self.dropout(self.embedding(prev_ids))  # (batch, emb)
        dec_state, context, weights = self.advance(embedded, dec_state, memory)
        features = torch.cat([hidden_of(dec_state), context, embedded], dim=-1)
        logits = self.score(features)  # (batch, vocab)
        return Step(logits, dec_state, context, weights)

    def _unroll_forced(
        self, tgt_in: Int64[Tensor, "batch tgt_len"], encoded: Encoded
    ) -> Unrolled:
        """The embeddings are looked up, and the output layer is applied, for all steps."""
        memory = self.attention.memory(encoded)
        dec_state = self.initial_state(encoded)
        embedded = self.dropout(self.embedding(tgt_in))  # (batch, tgt_len, emb)
        steps = []
        for token in embedded.unbind(dim=1):  # (batch, emb)
            dec_state, context, weights = self.advance(token, dec_state, memory)
            steps.append((hidden_of(dec_state), context, weights))
        dec_states, contexts, all_weights = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        features = torch.cat([dec_states, contexts, embedded], dim=-1)
        logits = self.score(features)  # (batch, tgt_len, vocab)
        return Unrolled(logits, all_weights, dec_states)


class LuongDecoder(Writer):
    """A recurrent decoder that looks after its step, and writes from what it found.

        s_t = GRU([E y_(t-1) ; h_(t-1)], s_(t-1))       h_0 = 0
        c_t = attention(query = s_t, memory of the source)
        h_t = tanh(W_c [c_t ; s_t])                     the attentional vector
        logits_t = O h_t
        s_0 = tanh(P summary)

    h_(t-1) is the cell's input with input feeding only; it tells the decoder where it
    looked. Without it no state depends on a look, so all states of a known target are one
    call of ``nn.GRU``, and all looks are one call of the attention.

    Source: Luong et al. 2015, sections 3 to 3.3, equations 5 and 6; their h_t is our s_t,
    and their h_t with a tilde our h_t. We deviate: one GRU instead of four layers of LSTM,
    a first state made from the summary, and an output layer with a bias.

    Args:
        vocab_size: number of target tokens.
        emb_dim: size of a token's embedding.
        hidden: size of the state and of the attentional vector.
        enc_dim: size of an encoder state, and of the context.
        attention: the mechanism.
        dropout: probability of dropping a component of the embeddings and of the output
            layer's input while training.
        input_feeding: whether the attentional vector is an input of the next step.
        output, output_dropout: as in ``Decoder``.
    """

    def __init__(
        self,
        vocab_size: int,
        emb_dim: int,
        hidden: int,
        enc_dim: int,
        attention: Attention,
        dropout: float = 0.0,
        input_feeding: bool = False,
        output: str = "linear",
        output_dropout: float | None = None,
    ) -> None:
        super().__init__()
        self.input_feeding = input_feeding
        self.attention = attention
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.initial = nn.Linear(enc_dim, hidden)  # P
        read = emb_dim + hidden if input_feeding else emb_dim
        self.gru = nn.GRU(read, hidden, batch_first=True)
        self.combine = nn.Linear(enc_dim + hidden, hidden, bias=False)  # W_c
        self.output = output_layer(output, hidden, self.embedding)  # O
        self.dropout = nn.Dropout(dropout)
        own = None if output_dropout is None else nn.Dropout(output_dropout)
        self.output_dropout = own

    @property
    def unit(self) -> nn.GRU:
        return self.gru

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"input_feeding={self.input_feeding}"

    def initial_state(self, encoded: Encoded) -> State:
        hidden = torch.tanh(self.initial(encoded.summary))
        return pack(hidden, torch.zeros_like(hidden) if self.input_feeding else None, None)

    def attentional(
        self,
        dec_states: Float[Tensor, "*rows dec_hidden"],
        contexts: Float[Tensor, "*rows enc_dim"],
    ) -> Float[Tensor, "*rows dec_hidden"]:
        """``h_t = tanh(W_c [c_t ; s_t])`` (Luong et al. 2015, equation 5)."""
        return torch.tanh(self.combine(torch.cat([contexts, dec_states], dim=-1)))

    def advance(
        self, embedded: Float[Tensor, "batch emb"], dec_state: State, memory: Memory
    ) -> tuple[State, Context, Weights, Hidden]:
        """Move the state by one token, then look: s_t, c_t, the weights and h_t.

        Raises:
            ValueError: input feeding lacks the vector of the step before.
        """
        read = [embedded]
        if self.input_feeding:
            fed = dec_state.fed if isinstance(dec_state, Carried) else None
            if fed is None:
                raise ValueError(
                    "Input feeding goes on from the dec_state that initial_state or the "
                    "step before returned; got a hidden state alone."
                )
            read.append(fed)
        states, _ = self.gru(torch.cat(read, dim=-1)[:, None], hidden_of(dec_state)[None])
        hidden = states[:, 0]  # one step: drop tgt_len
        context, weights, past = self.ask(hidden, memory, past_of(dec_state))
        vector = self.attentional(hidden, context)
        after = pack(hidden, vector if self.input_feeding else None, past)
        return after, context, weights, vector

    def step(
        self, prev_ids: Int64[Tensor, " batch"], dec_state: State, memory: Memory
    ) -> Step:
        embedded = self.dropout(self.embedding(prev_ids))  # (batch, emb)
        dec_state, context, weights, vector = self.advance(embedded, dec_state, memory)
        logits = self.score(vector)  # (batch, vocab)
        return Step(logits, dec_state, context, weights)

    def _unroll_forced(
        self, tgt_in: Int64[Tensor, "batch tgt_len"], encoded: Encoded
    ) -> Unrolled:
        """All steps at once; with input feeding only what does not wait for the last."""
        memory = self.attention.memory(encoded)
        dec_state = self.initial_state(encoded)
        embedded = self.dropout(self.embedding(tgt_in))  # (batch, tgt_len, emb)
        if self.input_feeding:
            steps = []
            for token in embedded.unbind(dim=1):  # (batch, emb)
                dec_state, _, looked, vector = self.advance(token, dec_state, memory)
                steps.append((hidden_of(dec_state), looked, vector))
            dec_states, weights, vectors = (
                torch.stack(part, dim=1) for part in zip(*steps, strict=True)
            )
        else:
            first = hidden_of(dec_state)[None]
            dec_states, _ = self.gru(embedded, first)  # (batch, tgt_len, dec_hidden)
            contexts, weights, _ = self.attention.look(dec_states, memory)
            vectors = self.attentional(dec_states, contexts)
        logits = self.score(vectors)  # (batch, tgt_len, vocab)
        return Unrolled(logits, weights, dec_states)
