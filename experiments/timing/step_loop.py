"""The loop that the best public tutorials have: the opponent of ``bench``, fixed first.

What is good in them is here: batches of similar length (from ``bench``), packed sources,
keys projected once per source, and the output layer applied once per target. What remains
is a loop over the target in which every step makes one call of a recurrent layer, one look
and one layer before the output:

    c_t = attention(query = s_(t-1), states)
    s_t = GRU([E y_(t-1) ; c_t], s_(t-1))
    o_t = P [E y_(t-1) ; s_t ; c_t]
    logits = O [o_1 ... o_T]                      after the loop

It is written for this comparison, after the design of Bastings' *Annotated
Encoder-Decoder* (2018), and not changed once it was raced.
"""

from typing import Any

import torch
from torch import Tensor, nn

from seq2seq_lib.attention import Memory
from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import Step, Unrolled
from seq2seq_lib.encoder import Encoded
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.vocab import PAD


class StepLoop(Seq2Seq):
    """An encoder-decoder with additive attention whose decoder is one plain loop.

    Args:
        config: sizes; attention, wiring and output are those above.
        seed: of the weights.
    """

    decoder: Any

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        like = build_model(config, seed)
        super().__init__(like.encoder, like.decoder)
        emb, hidden, enc_dim = config.emb_dim, config.dec_hidden, config.enc_dim
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.decoder = _Decoder(config.tgt_vocab_size, emb, hidden, enc_dim)

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Unrolled:
        """The scores of all target tokens, from their correct predecessors."""
        encoded = self.encoder(batch.src_ids, batch.src_lengths)
        decoder = self.decoder
        memory, hidden = decoder.memory(encoded), decoder.initial_state(encoded)
        embedded = decoder.embedding(batch.tgt_in)
        before_output, weights, dec_states = [], [], []
        for t in range(batch.tgt_in.shape[1]):
            token = embedded[:, t : t + 1]
            joined, hidden, _, looked = decoder.advance(token, hidden, memory)
            before_output.append(joined)
            weights.append(looked)
            dec_states.append(hidden)
        logits = decoder.output(torch.cat(before_output, dim=1))
        return Unrolled(logits, torch.stack(weights, 1), torch.stack(dec_states, 1))


class _Decoder(nn.Module):
    def __init__(self, vocab_size: int, emb_dim: int, hidden: int, enc_dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, emb_dim, padding_idx=PAD)
        self.initial = nn.Linear(enc_dim, hidden)
        self.rnn = nn.GRU(emb_dim + enc_dim, hidden, batch_first=True)
        self.query_proj = nn.Linear(hidden, hidden, bias=False)
        self.key_proj = nn.Linear(enc_dim, hidden, bias=False)
        self.v = nn.Linear(hidden, 1, bias=False)
        self.before_output = nn.Linear(hidden + enc_dim + emb_dim, hidden, bias=False)
        self.output = nn.Linear(hidden, vocab_size, bias=False)

    @property
    def attention(self) -> "_Decoder":
        """Who makes the memory; the library's searches ask for it here."""
        return self

    def memory(self, encoded: Encoded) -> Memory:
        """The source with its keys, projected once."""
        return Memory(self.key_proj(encoded.states), encoded.states, encoded.src_mask)

    def initial_state(self, encoded: Encoded) -> Tensor:
        """The state before the first step, (batch, hidden)."""
        return torch.tanh(self.initial(encoded.summary))

    def advance(
        self, token: Tensor, hidden: Tensor, memory: Memory
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """One step: what the output layer reads, the state, the context, the weights."""
        query = self.query_proj(hidden[:, None])
        scores = self.v(torch.tanh(query + memory.keys)).squeeze(2)
        looked = scores.masked_fill(~memory.mask, -torch.inf).softmax(dim=-1)
        context = torch.bmm(looked[:, None], memory.values)
        output, last = self.rnn(torch.cat([token, context], dim=2), hidden[None])
        joined = self.before_output(torch.cat([token, output, context], dim=2))
        return joined, last[0], context[:, 0], looked

    def step(self, prev_ids: Tensor, dec_state: Tensor, memory: Memory) -> Step:
        """Read one target token and score the next, as a search asks for it."""
        token = self.embedding(prev_ids[:, None])
        joined, *rest = self.advance(token, dec_state, memory)
        return Step(self.output(joined)[:, 0], *rest)
