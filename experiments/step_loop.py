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

import torch
from torch import nn

from seq2seq_lib.batching import Batch
from seq2seq_lib.decoder import Unrolled
from seq2seq_lib.encoder import Encoder
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.vocab import PAD


class StepLoop(Seq2Seq):
    """An encoder-decoder with additive attention whose decoder is one plain loop.

    Args:
        config: sizes; attention, wiring and output are those above.
        seed: of the weights.
    """

    def __init__(self, config: ModelConfig, seed: int = 0) -> None:
        like = build_model(config, seed)
        super().__init__(like.encoder, like.decoder)
        emb, hidden, enc_dim = config.emb_dim, config.dec_hidden, config.enc_dim
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.decoder = _Decoder(config.tgt_vocab_size, emb, hidden, enc_dim)
        self.encoder: Encoder = like.encoder

    def forward(self, batch: Batch, teacher_forcing: float = 1.0) -> Unrolled:
        """The scores of all target tokens, from their correct predecessors."""
        states, summary, src_mask = self.encoder(batch.src_ids, batch.src_lengths)
        decoder = self.decoder
        keys = decoder.key_proj(states)
        hidden = torch.tanh(decoder.initial(summary))[None]
        embedded = decoder.embedding(batch.tgt_in)
        before_output, weights, dec_states = [], [], []
        for t in range(batch.tgt_in.shape[1]):
            query = decoder.query_proj(hidden[-1][:, None])
            scores = decoder.v(torch.tanh(query + keys)).squeeze(2)
            looked = scores.masked_fill(~src_mask, -torch.inf).softmax(dim=-1)
            context = torch.bmm(looked[:, None], states)
            token = embedded[:, t : t + 1]
            output, hidden = decoder.rnn(torch.cat([token, context], dim=2), hidden)
            joined = torch.cat([token, output, context], dim=2)
            before_output.append(decoder.before_output(joined))
            weights.append(looked)
            dec_states.append(hidden[-1])
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
