"""A tokenised corpus in files of which rows are read: it may be larger than memory."""

import json
import shutil
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np

from seq2seq_lib.require import require
from seq2seq_lib.translate.subwords import Subwords

SIDES = ("src", "tgt")
CHUNK = 5_000  # pairs that are cut into pieces at once
META = "corpus.json"


@dataclass(frozen=True)
class Facts:
    """What is known of a stored corpus without reading it.

    Args:
        pairs: number of stored pairs.
        too_long: number of pairs that were left out because a side had too many pieces.
        checksum: of all ids.
        largest: the largest id of each side.
        unknown: number of unknown pieces of each side.
        pieces: number of pieces of each side.
    """

    pairs: int
    too_long: int
    checksum: int
    largest: tuple[int, int]
    unknown: tuple[int, int]
    pieces: tuple[int, int]


class Store:
    """A corpus as numbers. Only the rows that are asked for are read.

    Args:
        folder: as ``write`` made it.

    Raises:
        ValueError: the folder is not whole.
    """

    def __init__(self, folder: Path) -> None:
        try:
            found: dict[str, Any] = json.loads((folder / META).read_text(encoding="utf8"))
            for name in ("largest", "unknown", "pieces"):
                found[name] = tuple(found[name])
            self.facts = Facts(**found)
            ends = [np.load(folder / f"{side}.ends") for side in SIDES]
            self.src_lengths, self.tgt_lengths = map(_lengths, ends)
            del ends
            self.ids = [_Numbers(folder / f"{side}.ids") for side in SIDES]
            self.ends = [_Numbers(folder / f"{side}.ends") for side in SIDES]
        except (OSError, EOFError, ValueError, TypeError, KeyError):
            raise ValueError(
                f"{folder} does not hold a whole tokenised corpus; move it away, and it is "
                "made again from the text."
            ) from None

    def __len__(self) -> int:
        return self.facts.pairs

    def rows(self, side: int, chosen: Iterable[int]) -> Iterator[np.ndarray]:
        """The ids of the chosen rows of one side, 0 for source and 1 for target."""
        ids, ends = self.ids[side], self.ends[side]
        for row in chosen:
            first = int(ends.read(row - 1, row)[0]) if row else 0
            yield ids.read(first, int(ends.read(row, row + 1)[0]))


def _lengths(ends: np.ndarray) -> np.ndarray:
    found = np.empty(len(ends), dtype=np.int32)
    found[:1] = ends[:1]
    np.subtract(ends[1:], ends[:-1], out=found[1:], casting="unsafe")
    return found


class _Numbers:
    """An array in a file, of which only what is asked for is read.

    The system would map the neighbours of what is read into memory too, until most of a
    large corpus is there; so it is read and not mapped.
    """

    def __init__(self, path: Path) -> None:
        mapped: Any = np.load(path, mmap_mode="r")  # which sees whether the file is whole
        self.dtype, self.begin = mapped.dtype, mapped.offset
        self.file = path.open("rb", buffering=0)

    def read(self, first: int, end: int) -> np.ndarray:
        """The numbers from ``first`` to before ``end``."""
        self.file.seek(self.begin + first * self.dtype.itemsize)
        part = self.file.read((end - first) * self.dtype.itemsize)
        return np.frombuffer(part, dtype=self.dtype)


class _Column:
    """An array that grows at the end of a file; its header is written last."""

    def __init__(self, path: Path, dtype: type[np.generic]) -> None:
        self.path, self.dtype, self.length = path, np.dtype(dtype), 0
        self.file: IO[bytes] = path.open("wb")
        self._header()

    def _header(self) -> None:
        # A header of one size, whatever the length: version 1.0 pads it to 128 bytes.
        head = {"descr": self.dtype.str, "fortran_order": False, "shape": (self.length,)}
        self.file.seek(0)
        np.lib.format.write_array_header_1_0(self.file, head)

    def append(self, values: np.ndarray) -> None:
        self.file.write(values.astype(self.dtype).tobytes())
        self.length += len(values)

    def close(self) -> None:
        self._header()
        self.file.close()


def write(
    folder: Path,
    pairs: Iterable[tuple[str, str]],
    subwords: tuple[Subwords, Subwords],
    max_length: int,
) -> Store:
    """Cut a corpus into pieces and store their ids; the folder appears when it is whole.

    Args:
        folder: where; what is there is replaced.
        pairs: prepared texts.
        subwords: of both sides.
        max_length: pairs with more pieces on a side are left out.

    Raises:
        ValueError: no pair is left.
        OSError: the disk is full, or cannot be written.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        facts = _write(partial, pairs, subwords, max_length)
        (partial / META).write_text(json.dumps(asdict(facts), indent=1), encoding="utf8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Store(folder)


def _write(
    folder: Path,
    pairs: Iterable[tuple[str, str]],
    subwords: tuple[Subwords, Subwords],
    max_length: int,
) -> Facts:
    wide = max(len(each.vocab) for each in subwords) > np.iinfo(np.uint16).max
    ids = [_Column(folder / f"{s}.ids", np.uint32 if wide else np.uint16) for s in SIDES]
    ends = [_Column(folder / f"{s}.ends", np.int64) for s in SIDES]
    stored = too_long = checksum = 0
    largest, unknown = [0, 0], [0, 0]
    remaining = iter(pairs)
    while chunk := list(islice(remaining, CHUNK)):
        sides = zip(*chunk, strict=True)
        rows = [its.encode(side) for its, side in zip(subwords, sides, strict=True)]
        kept = [(s, t) for s, t in zip(*rows, strict=True) if s and t]
        kept = [(s, t) for s, t in kept if max(len(s), len(t)) <= max_length]
        too_long += len(chunk) - len(kept)
        stored += len(kept)
        for side, its in enumerate(zip(*kept, strict=True)):
            flat = np.concatenate([np.asarray(row) for row in its])
            ends[side].append(ids[side].length + np.cumsum([len(row) for row in its]))
            ids[side].append(flat)
            checksum = zlib.crc32(flat.astype(np.int64).tobytes(), checksum)
            largest[side] = max(largest[side], int(flat.max()))
            unknown[side] += int((flat == 3).sum())
    for column in (*ids, *ends):
        column.close()
    require(
        stored,
        f"All {too_long:,} pairs have more than {max_length} subwords on a side; allow "
        "more with --max-length, or give shorter lines.",
    )
    return Facts(
        stored,
        too_long,
        checksum,
        (largest[0], largest[1]),
        (unknown[0], unknown[1]),
        (ids[0].length, ids[1].length),
    )
