"""Multi30k: 29,000 real image captions in English, German and French.

The text is fetched once from the dataset's public repository at a pinned commit, checked
by SHA-256 and cached. Its terms are research and education only, so the course does not
contain it. Source: Elliott et al. 2016; French by Elliott et al. 2017.
"""

import gzip
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import SupportsIndex

import pooch

from seq2seq_lib.require import require, whole
from seq2seq_lib.tasks.example import Example
from seq2seq_lib.tasks.splits import Splits
from seq2seq_lib.text import normalise
from seq2seq_lib.vocab import Vocab

DATA_DIR_VARIABLE = "SEQ2SEQ_DATA_DIR"
LANGUAGES = ("en", "de", "fr")
COMMIT = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
URL = f"https://raw.githubusercontent.com/multi30k/dataset/{COMMIT}/data/task1/raw/"
FILES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
_TEST = FILES["test"]
REGISTRY = {
    f"{_TEST}.de.gz": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    f"{_TEST}.en.gz": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    f"{_TEST}.fr.gz": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    "train.de.gz": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
    "train.en.gz": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
    "train.fr.gz": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
    "val.de.gz": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
    "val.en.gz": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
    "val.fr.gz": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
}


def tokenize(text: str) -> tuple[str, ...]:
    """Lower-case words and punctuation marks, in one spelling (see ``text.normalise``).

    >>> tokenize("A man's hat, blue.")
    ('a', 'man', "'", 's', 'hat', ',', 'blue', '.')
    """
    # An accent that no letter composes with still belongs to the letter before it.
    return tuple(re.findall(r"\w[\w\u0300-\u036f]*|[^\w\s]", normalise(text.lower())))


def fetch(name: str) -> Path:
    """The path of one data file, whole and checked.

    It is looked for in the folder that the environment variable ``SEQ2SEQ_DATA_DIR``
    names, and only there, or else in the cache, or else on the network.

    Raises:
        FileNotFoundError: the folder does not hold the file.
        ValueError: the file is damaged; a damaged download is not kept, and what was
            cached before stays.
        ConnectionError: there is neither a copy nor a network.
    """
    folder = os.environ.get(DATA_DIR_VARIABLE)
    if folder:
        return _checked(Path(folder) / name)
    cache = pooch.os_cache("seq2seq_lib") / "multi30k"
    try:
        path = pooch.retrieve(URL + name, f"sha256:{REGISTRY[name]}", name, cache)
    except ValueError as error:
        raise ValueError(
            f"The download of Multi30k's {name} is damaged and was thrown away; try "
            f"again, or set {DATA_DIR_VARIABLE} to a folder with the files. ({error})"
        ) from None
    except OSError as error:
        raise ConnectionError(
            f"Multi30k's {name} is not cached ({type(error).__name__}): connect to the "
            f"network once, or set {DATA_DIR_VARIABLE} to a folder with the files from "
            "github.com/multi30k/dataset, data/task1/raw."
        ) from None
    return Path(path)


def _checked(path: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} does not exist; put Multi30k's data/task1/raw/{path.name} there, "
            f"or unset {DATA_DIR_VARIABLE} to download it."
        )
    found, expected = pooch.file_hash(str(path)), REGISTRY[path.name]
    require(
        found == expected,
        f"{path} is damaged: its SHA-256 is {found[:12]}..., expected {expected[:12]}...; "
        "replace it with a fresh copy.",
    )
    return path


def load(
    split: str,
    src_lang: str = "en",
    tgt_lang: str = "de",
    limit: SupportsIndex | None = None,
    max_length: SupportsIndex | None = None,
) -> tuple[Example, ...]:
    """The sentence pairs of one split, in the order of the files.

    Args:
        split: ``train`` (29,000 pairs), ``valid`` (1,014) or ``test`` (test 2016, 1,000).
        src_lang: ``en``, ``de`` or ``fr``.
        tgt_lang: the same.
        limit: take only so many pairs from the beginning.
        max_length: leave out pairs with more tokens than this on either side.

    Raises:
        ValueError: an option is not known or out of range, or the data is damaged.
        FileNotFoundError, ConnectionError: the data is not there; see ``fetch``.
    """
    names, languages = ", ".join(FILES), ", ".join(LANGUAGES)
    require(
        split in [*FILES], f"The split {split!r} does not exist; choose one of {names}."
    )
    for lang in (src_lang, tgt_lang):
        known = lang in LANGUAGES
        require(known, f"Multi30k has no {lang!r} here; choose one of {languages}.")
    limit = None if limit is None else whole("limit", limit, at_least=1)
    most = sys.maxsize if max_length is None else max_length
    longest = whole("max_length", most, at_least=1)
    sides = []
    for lang in (src_lang, tgt_lang):
        with gzip.open(fetch(f"{FILES[split]}.{lang}.gz"), "rt", encoding="utf8") as f:
            sides.append([tokenize(line) for line in f])
    require(
        len(sides[0]) == len(sides[1]),
        f"The sides of {split} differ: {len(sides[0])} {src_lang} and {len(sides[1])} "
        f"{tgt_lang} lines; fetch both files again.",
    )
    pairs = [
        Example(src, tgt)
        for src, tgt in zip(*sides, strict=True)
        if src and tgt and max(len(src), len(tgt)) <= longest
    ]
    return tuple(pairs[:limit])


def load_splits(
    src_lang: str = "en",
    tgt_lang: str = "de",
    limit: SupportsIndex | None = None,
    max_length: SupportsIndex | None = None,
) -> Splits:
    """The dataset's own splits; ``limit`` and ``max_length`` apply to training only."""
    return Splits(
        train=load("train", src_lang, tgt_lang, limit, max_length),
        valid=load("valid", src_lang, tgt_lang),
        test=load("test", src_lang, tgt_lang),
    )


def vocabs(train: Sequence[Example], min_count: SupportsIndex = 2) -> tuple[Vocab, Vocab]:
    """The source's and the target's words seen ``min_count`` times; others become UNK."""
    return (
        Vocab.build((e.src for e in train), min_count, unknown="unk"),
        Vocab.build((e.tgt for e in train), min_count, unknown="unk"),
    )
