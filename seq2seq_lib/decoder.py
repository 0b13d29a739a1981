"""Write a target sequence, one token at a time, looking at a memory at every step."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from seq2seq_lib.attention import Attention, Memory
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.require import number, option
from seq2seq_lib.vocab import BOS, PAD

QUERIES = ("before", "after")

State = Float[Tensor, "batch dec_hidden"]
Context = Float[Tensor, "batch enc_dim"]
Weights = Float[Tensor, "batch src_len"]


class Step(NamedTuple):
    """One step's answer.

    Args:
        logits: scores of every target token before the softmax, (batch, vocab).
        dec_state: the decoder's state after the step, (batch, dec_hidden).
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
        dec_states: the state after each step, (batch, tgt_len, dec_hidden).
    """

    logits: Float[Tensor, "batch tgt_len vocab"]
    weights: Float[Tensor, "batch tgt_len src_len"]
    dec_states: Float[Tensor, "batch tgt_len dec_hidden"]


def words_only(scores: Float[Tensor, "*rows vocab"]) -> Float[Tensor, "*rows vocab"]:
    """PAD and BOS are no words: they stand before and after what is written."""
    never = torch.tensor([PAD, BOS], device=scores.device)
    return scores.index_fill(-1, never, -math.inf)


class Decoder(nn.Module):
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
            are those of this second look. The parameters are the same.

    Raises:
        ValueError: ``query`` is not known.
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
    ) -> None:
        super().__init__()
        option("query", query, QUERIES)
        self.query = query
        self.attention = attention
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.initial = nn.Linear(enc_dim, hidden)  # P
        self.cell = nn.GRUCell(emb_dim + enc_dim, hidden)
        self.output = nn.Linear(hidden + enc_dim + emb_dim, vocab_size)  # O
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, encoded: Encoded) -> State:
        """The state before the first step, s_0 = tanh(P summary)."""
        return torch.tanh(self.initial(encoded.summary))

    def extra_repr(self) -> str:
        """What the list of modules does not show; a checkpoint compares it."""
        return f"query={self.query}"

    def look(self, dec_state: State, memory: Memory) -> tuple[Context, Weights]:
        """Ask with one state: c_t and the weights."""
        context, weights = self.attention(dec_state[:, None, :], *memory)
        return context[:, 0], weights[:, 0]  # one query: drop tgt_len

    def advance(
        self, embedded: Float[Tensor, "batch emb"], dec_state: State, memory: Memory
    ) -> tuple[State, Context, Weights]:
        """Look, then move the state by one token: s_t, c_t and the weights."""
        context, weights = self.look(dec_state, memory)
        dec_state = self.cell(torch.cat([embedded, context], dim=-1), dec_state)
        if self.query == "after":
            context, weights = self.look(dec_state, memory)
        return dec_state, context, weights

    def step(
        self, prev_ids: Int64[Tensor, " batch"], dec_state: State, memory: Memory
    ) -> Step:
        """Read one target token and score the next."""
        embedded = self.dropout(self.embedding(prev_ids))  # (batch, emb)
        dec_state, context, weights = self.advance(embedded, dec_state, memory)
        features = torch.cat([dec_state, context, embedded], dim=-1)
        logits = self.output(self.dropout(features))  # (batch, vocab)
        return Step(logits, dec_state, context, weights)

    def unroll(
        self,
        tgt_in: Int64[Tensor, "batch tgt_len"],
        encoded: Encoded,
        teacher_forcing: float = 1.0,
    ) -> Unrolled:
        """Score every token of a known target.

        With teacher forcing, every step reads the correct previous token. These are the
        numbers of ``step`` in a loop, but faster: the embeddings are looked up and the
        output layer is applied for all steps at once, because neither waits for the
        previous step.

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
        memory = self.attention.memory(encoded)
        dec_state = self.initial_state(encoded)
        embedded = self.dropout(self.embedding(tgt_in))  # (batch, tgt_len, emb)
        steps = []
        for token in embedded.unbind(dim=1):  # (batch, emb)
            steps.append(self.advance(token, dec_state, memory))
            dec_state = steps[-1][0]
        dec_states, contexts, weights = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        features = torch.cat([dec_states, contexts, embedded], dim=-1)
        logits = self.output(self.dropout(features))  # (batch, tgt_len, vocab)
        return Unrolled(logits, weights, dec_states)

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
        logits, dec_states, _, weights = (
            torch.stack(part, dim=1) for part in zip(*steps, strict=True)
        )
        return Unrolled(logits, weights, dec_states)
