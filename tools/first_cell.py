"""The first code cell of a notebook: it fetches the library where there is none.

A notebook that is opened in Colab, or downloaded from its page, comes alone. Its first
cell installs the library from the repository that _config.yml names, or from the wheel
that a variable names, and does nothing where the library is installed. It never asks a
package index for our name: anybody could have taken it there.

The text is written here once; `python -m tools.notebooks strip` puts it into notebooks.
"""

import copy
import re
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from tools import environment
from tools.contents import ContentsError, read

TAG = "first-cell"  # the cell's id, too
VARIABLE = "SEQ2SEQ_WHEEL"
MOST_COLUMNS = 79
METADATA: dict[str, Any] = {
    "mystnb": {
        "code_prompt_hide": "Hide where the library comes from",
        "code_prompt_show": "Where the library comes from",
    },
    "tags": [TAG, "hide-input"],
}

_ADDRESS = re.compile(r"https://[\w.-]+(/[\w.~-]+){2,}")
_NOBODY = re.compile(r"\b(example|your|owner|user(name)?|placeholder|todo)\b", re.I)

_TEXT = """\
# Fetch the course's library, where it is not installed yet.
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

{repository}
if importlib.util.find_spec("seq2seq_lib") is None:
{source}
    pip = [sys.executable, "-m", "pip", "install", "--quiet"]
    if subprocess.run([*pip, f"attention-measured @ {{source}}"]).returncode:
        raise ImportError(
            f"seq2seq_lib could not be installed from {{source}}: pip says "
            "why. The variable SEQ2SEQ_WHEEL can name a wheel of it."
        )
    importlib.invalidate_caches()"""
_WHEEL = 'wheel if "://" in wheel else Path(wheel).resolve().as_uri()'
_NAMED = f"""\
    source = f"git+{{repository}}"
    if wheel := os.environ.get("{VARIABLE}"):
        source = {_WHEEL}"""
_NOT_NAMED = f"""\
    wheel = os.environ.get("{VARIABLE}")
    if not wheel:
        raise ImportError(
            "seq2seq_lib is not installed, and this notebook names no place "
            "to fetch it from: name its wheel in {VARIABLE}."
        )
    source = {_WHEEL}"""


def repository(root: Path = environment.ROOT) -> str:
    """The repository that _config.yml names, as ``ADDRESS@BRANCH``, or nothing.

    An address that stands for one, such as https://github.com/your/book, is none.

    Raises:
        ContentsError: _config.yml cannot be read.
    """
    settings = read(root / "_config.yml", "the settings of a book", yaml.safe_load)
    named = settings.get("repository") or {}
    url = str(named.get("url") or "").strip().rstrip("/").removesuffix(".git")
    if not _ADDRESS.fullmatch(url) or _NOBODY.search(url):
        return ""
    return f"{url}@{named.get('branch') or 'main'}"


def code(address: str) -> str:
    """The code of the cell, for an address as ``repository`` returns it."""
    if not address:
        return _TEXT.format(repository="", source=_NOT_NAMED).replace("\n\n\n", "\n\n")
    line = f'repository = "{address}"\n'
    if len(line) > MOST_COLUMNS + 1:
        owner, name = address.rsplit("/", 1)
        line = f'repository = (\n    "{owner}/"\n    "{name}"\n)\n'
    return _TEXT.format(repository=line, source=_NAMED)


def is_first_cell(cell: NotebookNode) -> bool:
    """Whether a cell is the one that fetches the library."""
    return cell.cell_type == "code" and TAG in cell.metadata.get("tags", [])


def belongs(path: Path) -> bool:
    """Whether a notebook has such a cell: the book's do, assignments bring a library."""
    top = environment.ROOT
    return path.resolve().parent in (top, top / "chapters")


def placed(notebook: NotebookNode, address: str, name: str = "notebook") -> NotebookNode:
    """The notebook with that cell before all other code; a new object.

    Raises:
        ContentsError: there is no text before the code, so the page would have no title.
    """
    changed = copy.deepcopy(notebook)
    changed.cells = [cell for cell in changed.cells if not is_first_cell(cell)]
    kinds = [cell.cell_type for cell in changed.cells]
    at = kinds.index("code") if "code" in kinds else len(kinds)
    if not at:
        raise ContentsError(f"{name} begins with code: begin with a text cell, its title.")
    cell = new_code_cell(code(address), metadata=copy.deepcopy(METADATA), id=TAG)
    changed.cells.insert(at, cell)
    return changed


def without_address(notebook: NotebookNode) -> NotebookNode:
    """The notebook with a first cell that names no repository, if it has one; a new object.

    For the site of a class: solutions are in the repository.
    """
    changed = copy.deepcopy(notebook)
    for cell in filter(is_first_cell, changed.cells):
        cell.source = code("")
    return changed
