"""How good a translator is: loss, BLEU and chrF against references."""

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics import BLEU

from seq2seq_lib.batching import Pair
from seq2seq_lib.metrics import bleu, chrf, loss_per_token
from seq2seq_lib.tasks.multi30k import tokenize
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.lines import prepare

Texts = Sequence[str]


def loss(translator: Translator, sources: Texts, targets: Texts) -> float:
    """Cross-entropy in nats per target piece, EOS included."""
    rows = translator.src.encode(sources), translator.tgt.encode(targets)
    pairs = [Pair(tuple(s), tuple(t)) for s, t in zip(*rows, strict=True)]
    return loss_per_token(translator.model, sorted(pairs, key=lambda p: len(p.src)), 64)


def score(
    translator: Translator, sources: Texts, references: Texts, beam: int
) -> dict[str, Any]:
    """Translate and compare.

    Args:
        translator: the model.
        sources, references: texts as people wrote them.
        beam: 1 searches greedily.

    Returns:
        ``bleu`` and ``chrf`` of the texts (of lower-cased ones for a lower-cased model),
        ``signature``: how BLEU counted; ``bleu_of_words``: of lower-cased words and
        punctuation, as tables of Multi30k give it; and ``answers``.
    """
    said = [text for text, _ in translator.translate(sources, beam)]
    wanted = [prepare(text, translator.lowercase) for text in references]
    said_words, words = (
        [" ".join(tokenize(text)) for text in side] for side in (said, wanted)
    )
    counted = BLEU()
    counted.corpus_score(list(said), [wanted])
    return {
        "bleu": bleu(said, wanted),
        "chrf": chrf(said, wanted),
        "bleu_of_words": bleu(said_words, words, tokenize="none"),
        "signature": str(counted.get_signature()),
        "answers": said,
    }
