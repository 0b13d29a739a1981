"""Tokens to integer ids and back."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import SupportsIndex

from seq2seq_lib.require import option, require, shown, whole
from seq2seq_lib.text import normalise

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
UNKNOWN_POLICIES = ("error", "unk")


class Vocab:
    """A fixed list of tokens, each with an id.

    Ids 0 to 3 are reserved: ``PAD`` fills short rows of a batch, ``BOS`` starts
    every target, ``EOS`` ends it, ``UNK`` stands for a token that is not listed. No text
    means one of them, not even the word ``<eos>``: only models and batches write them.

    Args:
        tokens: the tokens, in the order of their ids (the first gets id 4).
        unknown: what ``encode`` does with a token that is not listed. ``"error"``
            raises, which suits a closed task; ``"unk"`` gives ``UNK``, which suits
            real text.

    Raises:
        ValueError: a token is no text, twice there or reserved, or ``unknown`` not known.

    >>> vocab = Vocab(["one", "two"])
    >>> vocab.encode(["two", "one"])
    [5, 4]
    >>> vocab.decode([5, 4, EOS, PAD])
    ['two', 'one']
    """

    def __init__(self, tokens: Iterable[str], unknown: str = "error") -> None:
        option("unknown", unknown, UNKNOWN_POLICIES)
        self.unknown = unknown
        self._tokens = [*SPECIALS, *tokens]
        spelled = [normalise(token) for token in self._tokens]
        if twice := [t for t, n in Counter(self._tokens).items() if n > 1]:
            raise ValueError(
                f"Each token may appear once, but {twice[0]!r} appears twice (the names "
                f"{', '.join(SPECIALS)} are reserved)."
            )
        self._ids = {token: i for i, token in enumerate(self._tokens) if i > UNK}
        for i, token in enumerate(spelled):
            if i > UNK and token:
                self._ids.setdefault(token, i)

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        min_count: SupportsIndex = 1,
        unknown: str = "error",
    ) -> "Vocab":
        """Collect the tokens of ``sentences``, the most frequent first.

        Tokens seen fewer than ``min_count`` times are left out; ties are broken
        alphabetically, so the same sentences always give the same ids. Spellings that
        look the same are counted as one token (see ``text.normalise``). Where a text
        contains a reserved name, such as the word ``<eos>``, it is left out too: to the
        vocabulary it is an unknown word.

        Raises:
            ValueError: a sentence is a text, or ``min_count`` no positive whole number.
        """
        min_count = whole("min_count", min_count, at_least=1)
        counts: Counter[str] = Counter()
        for sentence in sentences:
            if isinstance(sentence, str):
                raise ValueError(
                    f"A sentence is a list of tokens, got the text {shown(sentence)}; "
                    "split it first."
                )
            counts.update(map(normalise, sentence))
        kept = [t for t, n in counts.items() if n >= min_count and t not in ("", *SPECIALS)]
        return cls(sorted(kept, key=lambda t: (-counts[t], t)), unknown)

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, token: str) -> bool:
        """Whether ``token`` is listed, in whichever spelling, or a reserved name."""
        return token in SPECIALS or self._id(token) is not None

    def _id(self, token: str) -> int | None:
        """The id of a listed token, in whichever spelling it comes; None if unlisted."""
        found = self._ids.get(token) if isinstance(token, str) else None
        return self._ids.get(normalise(token)) if found is None else found

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens in the order of their ids, the four reserved ones first."""
        return tuple(self._tokens)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The ids of ``tokens``; adds neither BOS nor EOS.

        Raises:
            ValueError: a token is not listed and ``unknown`` is ``"error"``, or the
                tokens are a text, unless every listed token is a character.
        """
        require(
            not isinstance(tokens, str) or all(len(t) == 1 for t in self._tokens[4:]),
            f"A vocabulary encodes tokens, got the text {shown(tokens)}; split it first.",
        )
        ids = [self._id(token) for token in tokens]
        if self.unknown == "error" and None in ids:
            token = tokens[ids.index(None)]
            why = f"is not among the {len(self)} tokens of this vocabulary"
            if token in SPECIALS:
                why = "is a reserved name, which no text means"
            raise ValueError(
                f"The token {shown(token)} {why}; correct it, or build the Vocab with "
                "unknown='unk'."
            )
        return [UNK if i is None else i for i in ids]

    def decode(self, ids: Iterable[SupportsIndex]) -> list[str]:
        """The tokens of ``ids`` up to the first EOS; PAD and BOS are dropped.

        Raises:
            ValueError: an id is no whole number, or lies outside the vocabulary.
        """
        tokens = []
        for given in ids:
            i = whole("An id", given)
            require(
                0 <= i < len(self),
                f"The id {i} is outside this vocabulary of {len(self)} tokens.",
            )
            if i == EOS:
                break
            if i not in (PAD, BOS):
                tokens.append(self._tokens[i])
        return tokens
