"""What comes before the first update: subwords, validation pairs, the corpus as numbers."""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from seq2seq_lib.files import write_text
from seq2seq_lib.require import require
from seq2seq_lib.translate import store
from seq2seq_lib.translate.architectures import OWN, settled
from seq2seq_lib.translate.folder import SIDES
from seq2seq_lib.translate.lines import read_pairs
from seq2seq_lib.translate.store import Store
from seq2seq_lib.translate.subwords import Subwords, look_swapped

Pairs = list[tuple[str, str]]
Say = Callable[[str], Any]

LEARN_FROM = 1_000_000  # pairs that the subwords are learned from, at most
HELD_OUT = 1_000  # pairs that the score is measured on, at most
RECORD, LOCK, VALID, CORPUS = "training.json", "training.lock", "valid.json", "corpus"


class Files(NamedTuple):
    """A source file and its target file."""

    src: Path
    tgt: Path


@dataclass(frozen=True)
class Options:
    """How a translator is trained; the command line explains each.

    What is None is the architecture's own choice; see ``settled``.

    Raises:
        ValueError: the architecture lacks an option, or a value is out of range.
    """

    architecture: str = "recurrent"
    attention: str | None = None
    vocab_size: int = 6_000
    lowercase: bool = False
    emb_dim: int | None = None
    hidden: int | None = None
    heads: int | None = None
    layers: int | None = None
    dropout: float | None = None
    output_dropout: float | None = None
    smoothing: float = 0.1
    max_length: int = 100
    batch_tokens: int = 1_500
    epochs: float = 20.0
    updates: int | None = None
    lr: float | None = None
    warmup: int = 400
    evaluate_every: int | None = None
    patience: int = 8
    average: int = 4
    seed: int = 0
    precision: str = "float32"
    skip_empty: bool = False
    allow_equal: bool = False

    def __post_init__(self) -> None:
        assert self.settled

    @cached_property
    def settled(self) -> dict[str, Any]:
        """The options that depend on the architecture, its own where none was chosen."""
        chosen = {name: getattr(self, name) for name in OWN}
        return settled(self.architecture, chosen)


class Prepared(NamedTuple):
    """What is made of the files before the first update."""

    src: Subwords
    tgt: Subwords
    valid: Pairs
    corpus: Store


def begin(
    out: Path, files: Files, valid: Files | None, options: Options, processes: int
) -> None:
    """Write down what is trained in a folder, or see that it is what was begun there.

    Raises:
        ValueError: a file is missing, the folder holds something else, or another
            training was begun.
    """
    texts = {"source": files.src, "target": files.tgt}
    if valid:
        texts |= {"validation source": valid.src, "validation target": valid.tgt}
    for path in texts.values():
        require(path.is_file(), f"There is no file {path}; check its name.")
    today = {
        **asdict(options),
        **options.settled,
        "processes": processes,
        **{f"{name} file": _checksum(path) for name, path in texts.items()},
    }
    record = out / RECORD
    if not record.exists():
        others = sorted(p.name for p in out.iterdir() if p.name != LOCK)
        few = ", ".join(others[:3])
        require(not others, f"{out} holds other files ({few}); give a new folder.")
        write_text(record, json.dumps(today, indent=1))
        return
    try:
        begun = dict(json.loads(record.read_text(encoding="utf8")))
    except ValueError:
        raise ValueError(f"{record} is damaged; give a new folder.") from None
    for name in [*today, *begun]:
        then, now = begun.get(name), today.get(name)
        require(
            then == now,
            f"The training in {out} was begun with {then} for {name.replace('_', ' ')}, "
            f"now it is {now}; go on with the same, or give another --out.",
        )


def prepare(
    out: Path, files: Files, valid: Files | None, options: Options, say: Say
) -> None:
    """Learn the subwords and store the corpus, unless an earlier start has.

    Raises:
        ValueError: the files are not right (see ``lines.read_pairs``), or too few.
    """
    if (out / CORPUS).is_dir():  # made last
        return
    count = sum(1 for _ in _pairs(files, options))
    say(f"{count:,} pairs in {files.src.name} and {files.tgt.name}.")
    held = 0.0 if valid else min(0.05, HELD_OUT / count)
    chosen = list(islice(_pairs(valid, options), HELD_OUT)) if valid else []
    if not valid:
        chosen = [pair for pair in _pairs(files, options) if _held_out(pair[0], held)]
    require(chosen, f"{count:,} pairs are too few to hold some out; name others: --valid.")

    def kept() -> Iterator[tuple[str, str]]:
        return (pair for pair in _pairs(files, options) if not _held_out(pair[0], held))

    sides = []
    for side, name in enumerate(SIDES):
        texts = (pair[side] for pair in islice(kept(), LEARN_FROM))
        sides.append(Subwords.learn(texts, options.vocab_size))
        write_text(out / name, sides[-1].to_json())
    src, tgt = sides
    require(
        not look_swapped(src, tgt, *zip(*chosen, strict=True)),
        "The validation files look as if source and target were exchanged; give the source "
        "first, as for training.",
    )
    write_text(out / VALID, json.dumps(chosen[:HELD_OUT], ensure_ascii=False))
    facts = store.write(out / CORPUS, kept(), (src, tgt), options.max_length).facts
    if facts.too_long:
        say(
            f"{facts.too_long:,} pairs have more than {options.max_length} subwords on a "
            "side and are left out."
        )


def read(out: Path) -> Prepared:
    """What ``prepare`` made.

    Raises:
        ValueError: it is not whole.
    """
    sides = []
    for name in SIDES:
        try:
            sides.append(Subwords.from_json((out / name).read_text(encoding="utf8")))
        except (OSError, ValueError) as error:
            raise ValueError(f"{out / name} cannot be used ({error}).") from None
    try:
        pairs = json.loads((out / VALID).read_text(encoding="utf8"))
        valid = [(str(source), str(target)) for source, target in pairs]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{out / VALID} cannot be used ({error}).") from None
    return Prepared(sides[0], sides[1], valid, Store(out / CORPUS))


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _pairs(files: Files, options: Options) -> Iterator[tuple[str, str]]:
    how = options.lowercase, options.skip_empty, options.allow_equal
    return read_pairs(files.src, files.tgt, *how)


def _held_out(source: str, share: float) -> bool:
    """Whether pairs with this source are held out: all of them or none."""
    return zlib.crc32(source.encode()) / 2**32 < share
