"""Fresh inputs for assignment A2, and the models whose failures exercise 8 is about.

``python -m assignments.hidden.a2`` trains those models again (a minute) and writes
``a2_outcomes.json``.
"""

import json
import math
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import torch

from checks.drawing import by_exercise, generator
from checks.exercise import Case
from seq2seq_lib.batching import Batches, encode, pad
from seq2seq_lib.decoding import translate
from seq2seq_lib.model import ModelConfig, build_model
from seq2seq_lib.tasks import make_splits
from seq2seq_lib.tasks.dates import Dates
from seq2seq_lib.training import TrainConfig, fit
from seq2seq_lib.vocab import BOS, EOS, PAD

OUTCOMES = Path(__file__).with_name("a2_outcomes.json")
LOCALES = "en_US en_GB de fr es it pt nl sv fi hu tr ru el".split()  # as in the notebook
SEEDS = (1, 2, 3)


def start(rng: random.Random) -> Iterator[Case]:
    for sizes in ((3, 9), (11, 60), (100, 9000)):
        vocab = rng.randint(*sizes)
        # The chance of a whole target has to be a number that a float32 can hold.
        longest = int(30 / math.log10(vocab)) - 1
        yield Case({"vocab": vocab, "length": rng.randint(2, min(12, longest))})


def summary(rng: random.Random) -> Iterator[Case]:
    for layers, directions, batch, hidden in (
        (2, 2, 3, 5),
        (3, 2, 5, 2),
        (1, 2, 7, 3),
        (2, 1, 5, 3),
    ):
        shape = (layers * directions, batch, hidden)
        last = torch.randn(shape, generator=generator(rng))
        yield Case({"last": last, "layers": layers, "directions": directions})


def step(rng: random.Random) -> Iterator[Case]:
    for batch, vocab, emb, hidden, enc_dim in ((3, 7, 2, 5, 11), (5, 11, 3, 2, 7)):
        g = generator(rng)
        shapes = {
            "E": (vocab, emb),
            "W": (emb, hidden),
            "U": (hidden, hidden),
            "C": (enc_dim, hidden),
            "b": (hidden,),
            "O": (hidden, vocab),
            "P": (enc_dim, vocab),
        }
        yield Case(
            {
                "weights": {
                    name: 0.6 * torch.randn(shape, generator=g)
                    for name, shape in shapes.items()
                },
                "prev_ids": torch.randint(vocab, (batch,), generator=g),
                "dec_state": torch.rand(batch, hidden, generator=g) - 0.5,
                "context": torch.randn(batch, enc_dim, generator=g),
            }
        )


def loss(rng: random.Random) -> Iterator[Case]:
    for lengths, vocab in (((4, 1, 6), 7), ((2, 5, 3, 7, 1), 11), ((3, 2), 13)):
        g = generator(rng)
        rows = [
            [BOS, *(rng.randrange(EOS + 1, vocab) for _ in range(n - 1)), EOS]
            for n in lengths
        ]
        yield Case(
            {
                "bigram": 1.5 * torch.randn(vocab, vocab, generator=g),
                "drift": torch.randn(vocab, vocab, generator=g),
                "dec_state": torch.randn(len(rows), vocab, generator=g),
                "tgt_ids": pad(rows),
            }
        )


def greedy(rng: random.Random) -> Iterator[Case]:
    # For each row the step at which it says EOS; 99: not in time.
    for ends, vocab, max_len in (
        ((4, 1, 2), 7, 9),
        ((0, 3, 99, 5, 2), 11, 7),
        ((2, 0), 13, 11),
        ((99, 99, 99), 7, 5),
    ):
        g = generator(rng)
        bigram = 1.5 * torch.randn(vocab, vocab, generator=g)
        drift = 0.4 * torch.randn(vocab, vocab, generator=g)
        dec_state = torch.randn(len(ends), vocab, generator=g)
        bigram[:, [PAD, BOS]] = -20.0
        bigram[:, EOS] = drift[EOS] = drift[PAD] = 0.0
        drift[:, [PAD, BOS]] = dec_state[:, [PAD, BOS]] = 0.0
        # EOS gains with every token read, and whoever reads on after it writes others.
        drift[:, EOS], drift[EOS, EOS] = 10.0, -40.0
        dec_state[:, EOS] = 2.0 - 10.0 * torch.tensor(ends)
        inputs = {"bigram": bigram, "drift": drift, "dec_state": dec_state}
        yield Case(inputs | {"max_len": max_len})


def _date(rng: random.Random) -> str:
    return f"{rng.randint(1950, 2049)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"


def _changed(rng: random.Random, text: str, positions: range) -> str:
    """``text`` with another digit at one of the positions."""
    at = rng.choice(positions)
    digit = rng.choice([d for d in "0123456789" if d != text[at]])
    return text[:at] + digit + text[at + 1 :]


def by_length(rng: random.Random) -> Iterator[Case]:
    for dates, edges in ((40, [8, 11, 17, 23, 41, 47]), (60, [10, 13, 29, 31, 37])):
        lengths = [rng.randint(edges[0] - 2, 38) for _ in range(dates)] + edges[:-1]
        references = [_date(rng) for _ in lengths]
        hypotheses = [
            rng.choice((r, r, r, _changed(rng, r, range(10)), r[:-1], r + "0"))
            for r in references
        ]
        hypotheses[0] = references[0]
        hypotheses[1] = references[1][:-1]
        hypotheses[2] = _changed(rng, references[2], range(10))
        yield Case(
            {
                "sources": ["".join(rng.choices("abc 19", k=n)) for n in lengths],
                "hypotheses": hypotheses,
                "references": references,
                "edges": edges,
            }
        )


def fields(rng: random.Random) -> Iterator[Case]:
    for dates in (53, 37):
        references = [_date(rng) for _ in range(dates)]
        hypotheses = []
        for i, text in enumerate(references):
            for positions, percent in (
                (range(4), 30),
                (range(5, 7), 45),
                (range(8, 10), 15),
            ):
                if rng.randrange(100) < percent:
                    text = _changed(rng, text, positions)
            if rng.randrange(100) < 15 or i < 6:
                broken = ("", text[:-1], text.replace("-", "/"), text + "1")
                moved = text[:3] + "-" + text[3] + text[5:]
                text = (*broken, text.replace("-", ""), moved)[i % 6]
            hypotheses.append(text)
        # Whatever was drawn: errors in each field, and differently many.
        for i, positions in ((7, range(4)), (8, range(5, 7)), (9, range(5, 7))):
            hypotheses[i] = _changed(rng, references[i], positions)
        yield Case({"hypotheses": hypotheses, "references": references})


@cache
def outcomes() -> dict[str, Any]:
    """Sources, references, and how many of the stored models failed on each."""
    return dict(json.loads(OUTCOMES.read_text(encoding="utf-8")))


def harder(rng: random.Random) -> Iterator[Case]:
    # All of them, in different orders: a hypothesis should not pass or fail by the draw.
    known = outcomes()
    for _ in range(3):
        chosen = rng.sample(range(len(known["sources"])), len(known["sources"]))
        failed = [known["failed"][i] / len(known["seeds"]) for i in chosen]
        yield Case(
            {name: [known[name][i] for i in chosen] for name in ("sources", "references")},
            {"failed": failed},
        )


FRESH = by_exercise(start, summary, step, loss, greedy, by_length, fields, harder)


def measure() -> dict[str, Any]:
    """Train the notebook's small model with other seeds and try it on other dates."""
    torch.set_num_threads(1)
    task = Dates(LOCALES)
    src_vocab, tgt_vocab = task.vocabs()
    splits = make_splits(task, train=20_000, per_length=20)
    seen = {e.src for e in (*splits.valid, *splits.test)}
    fresh = make_splits(task, train=0, per_length=30, seed=1).test
    dates = [e for e in fresh if e.src not in seen]
    sources = [e.src for e in dates]
    config = ModelConfig(
        len(src_vocab), len(tgt_vocab), "fixed", emb_dim=32, enc_hidden=32, dec_hidden=32
    )
    pairs = encode(splits.train, src_vocab, tgt_vocab)
    failed, exact_match = [0] * len(dates), []
    for seed in SEEDS:
        model = build_model(config, seed=seed)
        training = TrainConfig(400, lr=0.01, seed=seed)
        fit(model, Batches(pairs, seed=seed), training, progress=False)
        answers = translate(model, sources, src_vocab, tgt_vocab, max_len=12)
        wrong = [a.tokens != e.tgt for a, e in zip(answers, dates, strict=True)]
        failed = [f + w for f, w in zip(failed, wrong, strict=True)]
        exact_match.append(1 - sum(wrong) / len(wrong))
    return {
        "command": "python -m assignments.hidden.a2",
        "torch": torch.__version__,
        "seeds": list(SEEDS),
        "exact_match": exact_match,
        "sources": ["".join(e.src) for e in dates],
        "references": ["".join(e.tgt) for e in dates],
        "failed": failed,
    }


if __name__ == "__main__":
    OUTCOMES.write_text(json.dumps(measure(), ensure_ascii=False), encoding="utf-8")
