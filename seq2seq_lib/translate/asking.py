"""A translator is asked: lines in; translations, links and a drawing out."""

import os
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from seq2seq_lib.decoding import Translation
from seq2seq_lib.files import write_atomically
from seq2seq_lib.metrics import links
from seq2seq_lib.plotting import heatmap
from seq2seq_lib.require import require
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.lines import prepare

PICTURES = (".png", ".svg", ".pdf")
ENOUGH = 50  # pieces, to tell one language from another


def asked(
    translator: Translator,
    lines: Iterator[str],
    together: int,
    beam: int,
) -> Iterator[tuple[str, Translation | None]]:
    """The translation of each line, and how it came about; nothing for an empty one.

    Args:
        translator: the model.
        lines: texts as people write them.
        together: so many are translated together.
        beam: 1 searches greedily.

    A warning says if the lines look like the language that is translated into: they fall
    into more pieces of the source's kind than of the target's.
    """
    needed, unsaid = [0, 0], True
    while chunk := list(islice(lines, together)):
        texts = [prepare(line, translator.lowercase) for line in chunk]
        for side, its in enumerate((translator.src, translator.tgt) if unsaid else ()):
            needed[side] += its.pieces_needed(texts)
        if unsaid and needed[1] >= ENOUGH and needed[0] > 1.2 * needed[1]:
            warnings.warn(
                "The text looks as if it were in the language that is translated into; "
                "is it the right file?",
                RuntimeWarning,
                stacklevel=2,
            )
            unsaid = False
        said = iter(translator.translate([text for text in texts if text], beam))
        for text in texts:
            yield next(said) if text else ("", None)


def linked(how: Translation | None) -> str:
    """The links of a translation, such as ``0-0 2-1``: source piece, target piece."""
    if how is None or not how.tokens:
        return ""
    found = links(how.weights[: len(how.tokens)])
    return " ".join(f"{s}-{t}" for t, s in sorted(found))


def may_write(path: Path | None, endings: tuple[str, ...] = ()) -> None:
    """See before the work whether a file can be written after it.

    Raises:
        ValueError: it cannot, or its name has another ending than these.
    """
    if path is None:
        return
    known = ", ".join(endings)
    fits = not endings or path.suffix.lower() in endings
    require(fits, f"{path} is no name of a picture; let it end in one of {known}.")
    place = path.parent
    require(
        place.is_dir()
        and os.access(place, os.W_OK)
        and (path.is_file() or not path.exists()),
        f"{path} cannot be written; name a file in a folder that is there and is yours.",
    )


def draw(path: Path, how: Translation) -> None:
    """Draw the weights of a translation; ``path`` ends as a picture does."""
    written = [*how.tokens, *(["<eos>"] if how.finished else [])]
    figure = heatmap(how.weights, how.src, written)
    kind = path.suffix[1:].lower()
    write_atomically(
        path, lambda partial: figure.savefig(partial, format=kind, bbox_inches="tight")
    )
