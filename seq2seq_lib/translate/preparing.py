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
from seq2seq_lib.require import number, option, require, whole
from seq2seq_lib.translate import folder, store
from seq2seq_lib.translate.architectures import OWN, Config, configured, settled
from seq2seq_lib.translate.folder import CONFIG, SIDES, WEIGHTS
from seq2seq_lib.translate.lines import read_pairs
from seq2seq_lib.translate.processes import PRECISIONS
from seq2seq_lib.translate.store import Store
from seq2seq_lib.translate.subwords import SMALLEST, Subwords, look_swapped

Pairs = list[tuple[str, str]]
Say = Callable[[str], Any]

LEARN_FROM = 1_000_000  # pairs that the subwords are learned from, at most
HELD_OUT = 1_000  # pairs that the score is measured on, at most
RECORD, LOCK, VALID, CORPUS = "training.json", "training.lock", "valid.json", "corpus"
STATE = "training.pt"
FILES = (RECORD, VALID, STATE, CONFIG, WEIGHTS, *SIDES)  # each is written whole
FRAME = "frame"  # what the record calls the digest of the configuration


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
        number("lr", self.settled["lr"], above=0)
        number("smoothing", self.smoothing, at_least=0, below=1)
        number("epochs", self.epochs, above=0)
        option("precision", self.precision, PRECISIONS)
        whole("vocab_size", self.vocab_size, at_least=SMALLEST)
        whole("warmup", self.warmup, at_least=0)
        whole("seed", self.seed, at_least=0, at_most=2**63 - 1)
        for name in ("max_length", "batch_tokens", "patience", "average"):
            whole(name, getattr(self, name), at_least=1)
        for name in ("updates", "evaluate_every"):  # or what suits the corpus
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), at_least=1)

    @cached_property
    def settled(self) -> dict[str, Any]:
        """The options that depend on the architecture, its own where none was chosen."""
        chosen = {name: getattr(self, name) for name in OWN}
        return settled(self.architecture, chosen)


class Prepared(NamedTuple):
    """What is made of the files before the first update."""

    config: Config
    src: Subwords
    tgt: Subwords
    valid: Pairs
    corpus: Store


def begin(
    out: Path, files: Files, valid: Files | None, options: Options, processes: int
) -> None:
    """Write down what is trained in a folder, or see that it is what was begun there.

    As long as nothing was made of the files, they and every option may still be changed.

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
    for half in (p for name in FILES for p in out.glob(f".{name}.????????.partial")):
        half.unlink()  # of a run that was killed while it wrote
    record = out / RECORD
    if not record.exists():
        others = sorted(p.name for p in out.iterdir() if p.name != LOCK)
        few = ", ".join(others[:3])
        require(not others, f"{out} holds other files ({few}); give a new folder.")
    if not any((out / made).exists() for made in (CORPUS, STATE, WEIGHTS)):
        write_text(record, json.dumps(today, indent=1))
        return
    _compare(out, _begun(out), today)


def _compare(out: Path, begun: dict[str, Any], today: dict[str, Any]) -> None:
    """Raise if a training was begun otherwise than it is to go on."""
    for of in ("", "validation "):
        its, swapped = begun.get(f"{of}source file"), today.get(f"{of}target file")
        require(
            its is None or its != swapped,
            f"The {of}source and target files are exchanged; give them as when the "
            f"training in {out} was begun.",
        )
    for name in (name for name in today | begun if name != FRAME):
        then, now = begun.get(name), today.get(name)
        told = f"{then} for {name.replace('_', ' ')}, now it is {now}"
        if name.endswith(" file"):
            told = f"{'another' if then and now else 'a' if then else 'no'} {name}"
        require(
            then == now,
            f"The training in {out} was begun with {told}; go on with the same, or give "
            "another --out.",
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

    src, tgt = (
        Subwords.learn(
            (pair[side] for pair in islice(kept(), LEARN_FROM)), options.vocab_size
        )
        for side in (0, 1)
    )
    require(
        not look_swapped(src, tgt, *zip(*chosen, strict=True)),
        "The validation files look as if source and target were exchanged; give the source "
        "first, as for training.",
    )
    sizes = len(src.vocab), len(tgt.vocab)
    config = configured(options.architecture, *sizes, options.settled)
    content = folder.described(config, (src, tgt), options.lowercase)
    begun = _begun(out)
    digest = folder.digest(content.encode())
    require(
        begun.setdefault(FRAME, digest) == digest,
        f"Today these files are cut into other pieces than when the training in {out} was "
        "begun; use the versions of that time, or give another --out.",
    )
    write_text(out / RECORD, json.dumps(begun, indent=1))
    folder.write_parts(out, content, (src, tgt))
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
        ValueError: it is not whole, or a part of it belongs to another training.
    """
    config, src, tgt, _ = folder.read_frame(out)
    digest = folder.frame_digest(out)
    require(  # a folder from before it was recorded has none
        _begun(out).get(FRAME, digest) == digest,
        f"{out / CONFIG} belongs to another training than {RECORD}; put its own file back, "
        "or give another --out.",
    )
    if (out / WEIGHTS).exists():
        folder.read_own_weights(out)
    try:
        pairs = json.loads((out / VALID).read_text(encoding="utf8"))
        valid = [(str(source), str(target)) for source, target in pairs]
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{out / VALID} cannot be used ({error}).") from None
    return Prepared(config, src, tgt, valid, Store(out / CORPUS))


def _begun(out: Path) -> dict[str, Any]:
    """What the folder says of the training that was begun there."""
    try:
        return dict(json.loads((out / RECORD).read_text(encoding="utf8")))
    except (OSError, ValueError, TypeError):
        raise ValueError(
            f"{out / RECORD} is damaged; put the right one back, or give another --out."
        ) from None


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def _pairs(files: Files, options: Options) -> Iterator[tuple[str, str]]:
    how = options.lowercase, options.skip_empty, options.allow_equal
    return read_pairs(files.src, files.tgt, *how)


def _held_out(source: str, share: float) -> bool:
    """Whether pairs with this source are held out: all of them or none."""
    return zlib.crc32(source.encode()) / 2**32 < share
