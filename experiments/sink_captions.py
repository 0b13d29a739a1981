"""Does attention rest on the end of a real sentence? Captions with and without EOS.

What `sink` asks of number words, asked of captions: the model of `joined` on captions
alone, at the rate that was chosen for it, for half of its updates, three seeds. Measured on
the validation captions, teacher-forced:

    last      mean weight on the last source piece, EOS where there is one
    at_end    the same at the step that writes the target's own EOS
    largest   share of steps whose largest weight lies there
    even      what equal weights would give it
    loss      nats per target piece, on the validation captions
    bleu      of words of the validation captions, greedily
"""

from collections.abc import Sequence

import torch

from experiments.captions import DATA, pairs, subwords
from experiments.declarations import SEEDS
from experiments.engine import Experiment, Job, Values, main, options
from experiments.joined import IN_A_BATCH, RATES, UPDATES, config
from experiments.multi30k import texts, words
from experiments.sink import ended
from seq2seq_lib.batching import Batches, Pair, in_order
from seq2seq_lib.decoding import greedy
from seq2seq_lib.metrics import bleu, loss_per_token
from seq2seq_lib.model import Seq2Seq, build_model, evaluating
from seq2seq_lib.training import TrainConfig

ARMS = {"without EOS": False, "with EOS": True}


@torch.no_grad()
def looks(model: Seq2Seq, chosen: Sequence[Pair]) -> dict[str, float]:
    """How much weight the last source piece has."""
    last, at_end, largest, even = [], [], [], []
    with evaluating(model):
        for batch in in_order(chosen, IN_A_BATCH):
            weights = model(batch).weights
            ends = (batch.src_lengths - 1)[:, None, None].expand(-1, weights.shape[1], 1)
            on_last = weights.gather(-1, ends)[..., 0]
            there = weights.argmax(dim=-1) == ends[..., 0]
            real = batch.tgt_mask
            last += on_last[real].tolist()
            largest += there[real].tolist()
            even += (1 / batch.src_lengths)[:, None].expand_as(real)[real].tolist()
            steps = real.sum(dim=1) - 1
            at_end += on_last.gather(1, steps[:, None])[:, 0].tolist()
    found = {"last": last, "at_end": at_end, "largest": largest, "even": even}
    return {name: round(sum(each) / len(each), 5) for name, each in found.items()}


def greedy_words(model: Seq2Seq, chosen: Sequence[Pair]) -> list[str]:
    """Greedy translations, in words and marks."""
    own, said = subwords()[1], []
    with evaluating(model):
        for batch in in_order(chosen, IN_A_BATCH):
            ids = greedy(model, batch.src_ids, batch.src_lengths, max_len=80).ids
            said += [own.join(own.vocab.decode(row)) for row in ids.tolist()]
    return words(said)


def run(job: Job) -> Values:
    """Train one arm with one seed, and look at its weights."""
    eos = ARMS[job.arm]
    train, valid = (ended(pairs(split), eos) for split in ("train", "valid"))
    model = build_model(config("additive"), job.seed)
    how = TrainConfig(UPDATES // 2, lr=RATES["additive"], seed=job.seed)
    values, _ = job.train(model, Batches(train, IN_A_BATCH, seed=job.seed), how)
    n = 20 if job.quick else len(valid)
    said = greedy_words(model, valid[:n])
    return {
        **values,
        **looks(model, valid[:n]),
        "loss": loss_per_token(model, valid[:n]),
        "bleu": round(bleu(said, words(texts("valid")[1][:n]), tokenize="none"), 2),
    }


def experiment() -> Experiment:
    configuration = {
        **DATA,
        "updates": UPDATES // 2,
        "captions_in_a_batch": IN_A_BATCH,
        "rate": RATES["additive"],
        "model": options(config("additive")),
    }
    seeds = dict.fromkeys(ARMS, SEEDS[:3])
    return Experiment("sink_captions", run, seeds, configuration, needs_data=True)


if __name__ == "__main__":
    main(experiment(), __doc__)
