"""Text as it enters: one spelling for what looks the same."""

import unicodedata

# Variation selectors and the grapheme joiner: unseen, though Unicode calls them marks.
UNSEEN_MARKS = {"\u034f", *map(chr, range(0xFE00, 0xFE10))}


def normalise(text: str) -> str:
    """``text`` with composed letters, plain spaces and without invisible characters.

    A letter and its accent become one character (Unicode's form NFC), every kind of space
    becomes a plain one, and what nobody sees is dropped: soft hyphens, spaces and joiners
    of no width, byte order marks, marks of the writing direction. Upper and lower case
    stay. Whatever reads text should call this first, so that no word has two spellings.

    Raises:
        ValueError: it is no text.

    Source: Unicode Standard Annex 15 (forms); Unicode Character Database (the categories
    Zs, spaces, and Cf, format characters).

    >>> normalise("Ma\\u0308n\\u00adner\\u00a0hier") == "Männer hier"
    True
    """
    if not isinstance(text, str):
        raise ValueError(f"A text is wanted, got {text!r} (a {type(text).__name__}).")
    if text.isascii():
        return text
    kinds = {char: unicodedata.category(char) for char in text}
    plain = (" " if kinds[c] == "Zs" else c for c in text if kinds[c] != "Cf")
    return unicodedata.normalize("NFC", "".join(c for c in plain if c not in UNSEEN_MARKS))
