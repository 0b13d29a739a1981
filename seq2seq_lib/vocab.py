"""Tokens to integer ids and back."""

from collections import Counter
from collections.abc import Iterable, Sequence

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIALS = ("<pad>", "<bos>", "<eos>", "<unk>")
UNKNOWN_POLICIES = ("error", "unk")


class Vocab:
    """A fixed list of tokens, each with an id.

    Ids 0 to 3 are reserved: ``PAD`` fills short rows of a batch, ``BOS`` starts
    every target, ``EOS`` ends it, ``UNK`` stands for a token that is not listed.

    Args:
        tokens: the tokens, in the order of their ids (the first gets id 4).
        unknown: what ``encode`` does with a token that is not listed. ``"error"``
            raises, which suits a closed task; ``"unk"`` gives ``UNK``, which suits
            real text.

    Raises:
        ValueError: a token appears twice, is reserved, or ``unknown`` is not known.

    >>> vocab = Vocab(["one", "two"])
    >>> vocab.encode(["two", "one"])
    [5, 4]
    >>> vocab.decode([5, 4, EOS, PAD])
    ['two', 'one']
    """

    def __init__(self, tokens: Iterable[str], unknown: str = "error") -> None:
        if unknown not in UNKNOWN_POLICIES:
            raise ValueError(
                f"unknown={unknown!r} is not an option; choose one of "
                f"{', '.join(UNKNOWN_POLICIES)}."
            )
        self.unknown = unknown
        self._tokens = [*SPECIALS, *tokens]
        self._ids = {token: i for i, token in enumerate(self._tokens)}
        if len(self._ids) != len(self._tokens):
            twice = [t for t, n in Counter(self._tokens).items() if n > 1]
            raise ValueError(
                f"Each token may appear once, but {twice[0]!r} appears twice "
                f"(the names {', '.join(SPECIALS)} are reserved)."
            )

    @classmethod
    def build(
        cls,
        sentences: Iterable[Sequence[str]],
        min_count: int = 1,
        unknown: str = "error",
    ) -> "Vocab":
        """Collect the tokens of ``sentences``, the most frequent first.

        Tokens seen fewer than ``min_count`` times are left out; ties are broken
        alphabetically, so the same sentences always give the same ids.
        """
        counts = Counter(token for sentence in sentences for token in sentence)
        kept = [t for t, n in counts.items() if n >= min_count]
        return cls(sorted(kept, key=lambda t: (-counts[t], t)), unknown)

    def __len__(self) -> int:
        return len(self._tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens in the order of their ids, the four reserved ones first."""
        return tuple(self._tokens)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The ids of ``tokens``; adds neither BOS nor EOS.

        Raises:
            ValueError: a token is not listed and ``unknown`` is ``"error"``.
        """
        if self.unknown == "unk":
            return [self._ids.get(token, UNK) for token in tokens]
        missing = [token for token in tokens if token not in self._ids]
        if missing:
            raise ValueError(
                f"The token {missing[0]!r} is not among the {len(self)} tokens of this "
                "vocabulary; correct it, or build the Vocab with unknown='unk'."
            )
        return [self._ids[token] for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of ``ids`` up to the first EOS; PAD and BOS are dropped.

        Raises:
            ValueError: an id lies outside the vocabulary.
        """
        tokens = []
        for i in ids:
            if not 0 <= i < len(self):
                raise ValueError(
                    f"The id {i} is outside this vocabulary of {len(self)} tokens."
                )
            if i == EOS:
                break
            if i not in (PAD, BOS):
                tokens.append(self._tokens[i])
        return tokens
