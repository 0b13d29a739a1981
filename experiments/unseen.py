"""Words that a training text does not have, and the pieces that they are cut into.

Of the validation captions, for each side:

    words            different words and marks in the training text
    once             those of them that it has only once
    unseen           share of running words that it does not have
    outside          share of running words that are not among its 6,000 most frequent
    pieces_per_word  how many pieces a running word is cut into
    unknown          share of pieces that are unknown
"""

from collections import Counter
from collections.abc import Sequence

from experiments.engine import Values
from seq2seq_lib.tasks.multi30k import tokenize
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.lines import prepare
from seq2seq_lib.translate.subwords import Subwords
from seq2seq_lib.vocab import UNK

KEPT = 6_000  # as many words as a translator has pieces
Side = Sequence[str]


def of_side(pieces: Subwords, train: Side, held_out: Side) -> dict[str, float]:
    """What is counted of one side."""
    counts = Counter(word for text in train for word in tokenize(text))
    kept = {word for word, _ in counts.most_common(KEPT)}
    running = [word for text in held_out for word in tokenize(text)]
    ids = [i for row in pieces.encode([prepare(t, True) for t in held_out]) for i in row]
    return {
        "words": len(counts),
        "once": sum(n == 1 for n in counts.values()),
        "unseen": round(sum(word not in counts for word in running) / len(running), 5),
        "outside": round(sum(word not in kept for word in running) / len(running), 5),
        "pieces_per_word": round(len(ids) / len(running), 4),
        "unknown": round(ids.count(UNK) / len(ids), 6),
    }


def counted(
    translator: Translator, train: Sequence[Side], held_out: Sequence[Side]
) -> Values:
    """What is counted of both sides: ``source`` and ``target``."""
    own = {"source": translator.src, "target": translator.tgt}
    sides = zip(own.items(), train, held_out, strict=True)
    return {name: of_side(pieces, seen, new) for (name, pieces), seen, new in sides}
