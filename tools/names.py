"""Which names code uses that nothing in sight defines."""

import json
import subprocess
import sys
from collections.abc import Iterable

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook


def undefined(cells: Iterable[NotebookNode]) -> set[str]:
    """The names that code cells use and that neither they nor Python define.

    Ruff answers, so scopes, comprehensions and IPython's own lines count as they do for
    Python. An axis in an annotation of shapes is no name, but is counted as one.

    Args:
        cells: cells of any kind, in the order in which they run.
    """
    code = [new_code_cell(cell.source) for cell in cells if cell.cell_type == "code"]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--ignore-noqa"]
    command += ["--select=F821", "--output-format=json", "--stdin-filename=cells.ipynb"]
    done = subprocess.run(
        [*command, "-"],
        input=nbformat.writes(new_notebook(cells=code)),
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    found = json.loads(done.stdout)
    return {one["message"].split("`")[1] for one in found if one["code"] == "F821"}
