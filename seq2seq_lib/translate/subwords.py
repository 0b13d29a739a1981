"""Text to pieces of words and back, with a fixed number of pieces."""

import os
from collections.abc import Iterable, Sequence
from hashlib import sha256

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # it warns where processes fork

import json  # noqa: E402
from functools import cached_property  # noqa: E402

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers  # noqa: E402

from seq2seq_lib.require import require, whole  # noqa: E402
from seq2seq_lib.vocab import SPECIALS, UNK, Vocab  # noqa: E402

SMALLEST = 100  # a vocabulary has to hold at least the letters
LETTERS = 1_000  # rarer ones become unknown


class Subwords:
    """Cuts words into pieces that were frequent in a training text.

    A frequent word is one piece; a rare one is cut into several, down to its letters, so
    that hardly any word is unknown. A space becomes the sign U+2581 before the word that
    follows, and punctuation stands alone; so ``join`` gives back the text. Ids are those
    of ``vocab``: the four reserved ones first, which no text means.

    Args:
        tokenizer: of the library ``tokenizers``, as ``learn`` makes it.

    Source: Sennrich et al. 2016 (byte-pair encoding: the most frequent pair of neighbours
    becomes one piece, again and again); Kudo and Richardson 2018 (the sign for spaces).
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer

    @classmethod
    def learn(cls, texts: Iterable[str], size: int) -> "Subwords":
        """Learn the pieces of a training text, and of no other.

        Args:
            texts: its sentences, prepared.
            size: number of pieces at most, the reserved ones included.

        Raises:
            ValueError: ``size`` is too small, or there is no text.
        """
        size = whole("vocab_size", size, at_least=SMALLEST)
        learner = _tokenizer(models.BPE())
        # No name of a special token is given: text that looks like one must stay text.
        trainer = trainers.BpeTrainer(
            vocab_size=size - len(SPECIALS),
            limit_alphabet=min(LETTERS, size // 2),
            show_progress=False,
            min_frequency=2,
        )
        learner.train_from_iterator(texts, trainer)
        model = json.loads(learner.to_str())["model"]
        pieces = sorted(model["vocab"], key=model["vocab"].get)
        require(pieces, "There is no text to learn subwords from.")
        ids = {piece: i for i, piece in enumerate([*SPECIALS, *pieces])}
        merges = [tuple(merge) for merge in model["merges"]]
        return cls(_tokenizer(models.BPE(ids, merges, unk_token=SPECIALS[UNK])))

    @classmethod
    def from_json(cls, text: str) -> "Subwords":
        """What ``to_json`` gave.

        Raises:
            ValueError: it is something else.
        """
        try:
            tokenizer = Tokenizer.from_str(text)
        except Exception:  # the library raises nothing narrower
            raise ValueError("it does not hold subwords") from None
        found = cls(tokenizer)
        require(
            found._pieces[: len(SPECIALS)] == list(SPECIALS), "it has other first pieces"
        )
        return found

    def to_json(self) -> str:
        """Everything that decides how a text is cut."""
        return self.tokenizer.to_str(pretty=True)

    @property
    def digest(self) -> str:
        """Tells two ways of cutting text apart."""
        return sha256(self.to_json().encode()).hexdigest()[:16]

    @cached_property
    def _pieces(self) -> list[str]:
        ids = self.tokenizer.get_vocab(with_added_tokens=False)
        return sorted(ids, key=ids.__getitem__)

    @cached_property
    def vocab(self) -> Vocab:
        """The pieces with their ids, as decoding takes them."""
        return Vocab(self._pieces[len(SPECIALS) :], unknown="unk")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The ids of prepared texts, without BOS and EOS."""
        return [found.ids for found in self.tokenizer.encode_batch_fast(list(texts))]

    def split(self, text: str) -> list[str]:
        """The pieces of a prepared text; an unknown letter is ``<unk>``."""
        return self.tokenizer.encode(text).tokens

    def join(self, pieces: Sequence[str]) -> str:
        """The text that these pieces spell."""
        return self.tokenizer.decoder.decode(list(pieces)).strip()

    def pieces_needed(self, texts: Sequence[str]) -> int:
        """How many pieces these texts are cut into; an unknown one counts as four."""
        return sum(len(ids) + 3 * ids.count(UNK) for ids in self.encode(texts))


def _tokenizer(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("isolated")]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


def look_swapped(
    src: Subwords, tgt: Subwords, sources: Sequence[str], targets: Sequence[str]
) -> bool:
    """Whether texts look as if their sides were exchanged.

    Text of another language falls into more pieces.
    """
    as_given = src.pieces_needed(sources) + tgt.pieces_needed(targets)
    exchanged = src.pieces_needed(targets) + tgt.pieces_needed(sources)
    return as_given > 1.2 * exchanged
