"""A notebook runs wherever it is opened: with the library's wheel, and nothing else.

Each test has an environment that holds what pip would install with the wheel, a kernel,
and no more; and an empty folder with one notebook in it. No package index is asked.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import venv
from importlib.metadata import Distribution, distribution
from pathlib import Path

import nbformat
import pytest
import yaml
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from packaging.requirements import Requirement

from tools import contents, environment, first_cell, notebooks
from tools.wheel import build_wheel

ROOT = Path(__file__).parents[1]
ALL = [*contents.notebooks(ROOT), ROOT / "_template.ipynb"]
# The shortest to run, two of them with stored results and models of the page.
EVERY_DAY = ("intro", "01", "07")
OURS = "attention-measured"

# Environments are made, wheels built and kernels started: quick, but not beside others.
pytestmark = pytest.mark.timeout(900)


# --- an environment as pip would make it ------------------------------------------------


def reached(*roots: Distribution) -> dict[str, Distribution]:
    """What some distributions need, and what that needs, by name."""
    found: dict[str, Distribution] = {}
    waiting = list(roots)
    while waiting:
        for text in waiting.pop().requires or []:
            needed = Requirement(text)
            if needed.marker and not needed.marker.evaluate({"extra": ""}):
                continue
            if needed.name.lower() not in found:
                found[needed.name.lower()] = distribution(needed.name)
                waiting.append(found[needed.name.lower()])
    return found


def lend(packages: dict[str, Distribution], folder: Path) -> None:
    """Link the files of installed packages into another ``site-packages``."""
    for package in packages.values():
        tops = {file.parts[0] for file in package.files or [] if len(file.parts) > 1}
        tops |= {str(file) for file in package.files or [] if len(file.parts) == 1}
        for name in tops - {"..", "__pycache__"}:
            source = Path(str(package.locate_file(name)))
            if source.exists() and not (folder / name).exists():
                (folder / name).symlink_to(source)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(ROOT, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def ready(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with all that the library needs, but not the library."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    (site,) = folder.glob("lib/python*/site-packages")
    # Pip installs, and setuptools builds the library if it comes from a repository. Every
    # other package is there because the wheel says that it needs it, or a kernel does.
    (unpacked,) = _metadata_of(wheel, folder / "wheel")
    kernel = distribution("ipykernel")
    tools = {name: distribution(name) for name in ("ipykernel", "pip", "setuptools")}
    lend(reached(Distribution.at(unpacked), kernel) | tools, site)
    return python


def _metadata_of(wheel: Path, folder: Path) -> list[Path]:
    shutil.unpack_archive(wheel, folder, "zip")
    return list(folder.glob("*.dist-info"))


@pytest.fixture
def alone(ready: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, a kernel called python3 in the fresh environment, and no index."""
    for name in [*environment.book_environment(static=False), *os.environ]:
        if name.startswith(("JUPYTER", "IPYTHON", "SEQ2SEQ", "PIP_", "PYTHON", "MPL")):
            monkeypatch.delenv(name, raising=False)
    kernels = tmp_path / "jupyter" / "kernels" / "python3"
    kernels.mkdir(parents=True)
    argv = [str(ready), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "fresh", "language": "python"})
    )
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_NO_BUILD_ISOLATION", "false")  # pip's word for "no isolation"
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    empty = tmp_path / "empty"
    empty.mkdir()
    pip(ready, "uninstall", "--yes", OURS)
    return empty


def pip(python: Path, *arguments: str) -> str:
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    return done.stdout


def run(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    """Execute a notebook in a folder, with the kernel of the fixture."""
    manager = KernelSpecManager(kernel_dirs=[str(folder.parent / "jupyter" / "kernels")])
    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    client.create_kernel_manager().kernel_spec_manager = manager
    return client.execute()


def opened(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The notebook from its copy in a folder, where nothing else is."""
    copied = shutil.copy(path, folder)
    assert [each.name for each in folder.iterdir()] == [path.name]
    return nbformat.read(copied, as_version=4)


def said(notebook: nbformat.NotebookNode, tag: str) -> list[str]:
    """What the cells with a tag printed."""
    return [
        "".join(o.text for o in cell.outputs if o.get("name") == "stdout")
        for cell in notebook.cells
        if tag in cell.metadata.get("tags", [])
    ]


def _chosen() -> list:
    daily = [path for path in ALL if path.stem.split("-")[0] in EVERY_DAY]
    assert len(daily) == len(EVERY_DAY)
    return [
        pytest.param(path, id=path.stem, marks=[] if path in daily else pytest.mark.weekly)
        for path in ALL
    ]


# --- a whole notebook -------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("path", _chosen())
def test_a_notebook_runs_with_the_wheel_and_nothing_else(
    path: Path, alone: Path, ready: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(first_cell.VARIABLE, os.path.relpath(wheel, alone))
    before = opened(path, alone)
    promised = said(before, notebooks.PROMISE)
    assert said(run(before, alone), notebooks.PROMISE) == promised
    shown = pip(ready, "show", "--files", OURS)
    assert "Editable" not in shown and "seq2seq_lib/results/ledger.json" in shown
    pip(ready, "check")


@pytest.mark.slow
def test_what_notebooks_import_comes_with_the_wheel(
    alone: Path, ready: Path, wheel: Path
) -> None:
    pip(ready, "install", str(wheel))
    lines: set[str] = set()
    for path in ALL:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                found = ast.walk(ast.parse(cell.source))
                kinds = ast.Import | ast.ImportFrom
                lines |= {ast.unparse(node) for node in found if isinstance(node, kinds)}
    assert len(lines) > 100
    script = "\n".join(sorted(lines))
    done = subprocess.run([ready, "-c", script], cwd=alone, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    # A package that only the book or an extra needs is not there, so the above can fail.
    for name in ("myst_nb", "ipywidgets", "jupyter_book"):
        assert subprocess.run(
            [ready, "-c", f"import {name}"], capture_output=True
        ).returncode


# --- the first cell alone ---------------------------------------------------------------


def fetching(address: str, *more: str) -> nbformat.NotebookNode:
    """A notebook of a first cell, and a cell that says where the library is."""
    where = "import seq2seq_lib; print(seq2seq_lib.__file__)"
    cells = [nbformat.v4.new_code_cell(each) for each in (*more, where)]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# T"), *cells]
    )
    return first_cell.placed(notebook, address)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of this project, which git finds at the address that _config.yml names."""
    clone = tmp_path / "clone"
    names = ("pyproject.toml", "README.md", "LICENSE", "checks", "seq2seq_lib", "results")
    clone.mkdir()
    for name in names:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, clone / name)
    address, branch = first_cell.repository().rsplit("@", 1)
    git = ["git", "-C", str(clone), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-qb", branch], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{clone}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", address)
    return clone


@pytest.mark.slow
def test_the_library_comes_from_the_repository_that_the_settings_name(
    alone: Path, ready: Path, repository: Path
) -> None:
    notebook = fetching(
        first_cell.repository(),
        "from seq2seq_lib import page; assert page.stored('ledger')['claims']",
    )
    done = run(notebook, alone)
    site = str(ready.parents[1] / "lib")
    assert done.cells[-1].outputs[-1].text.startswith(site)


@pytest.mark.slow
def test_where_the_library_is_nothing_is_fetched(
    alone: Path, ready: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip(ready, "install", str(wheel))
    monkeypatch.setenv(first_cell.VARIABLE, "/nowhere/there.whl")
    done = run(fetching("https://nowhere.invalid/a/b@main"), alone)
    assert done.cells[1].outputs == []


@pytest.mark.parametrize(
    ("address", "named", "says"),
    [
        (
            "",
            "",
            "this notebook names no place to fetch it from: name its wheel in SEQ2SEQ",
        ),
        ("", "gone.whl", r"could not be installed from file:///.*/empty/gone\.whl"),
        # The name of a package is a file that is not there, and asked of no index.
        (
            "https://a.invalid/b/c@main",
            "numpy",
            r"could not be installed from file:///.*/numpy",
        ),
        ("https://a.invalid/b/c@main", "", "could not be installed from git.https://a.inv"),
    ],
)
def test_what_cannot_be_fetched_is_one_sentence(
    address: str, named: str, says: str, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(first_cell.VARIABLE, named)
    with pytest.raises(CellExecutionError) as raised:
        run(fetching(address), alone)
    assert raised.value.ename == "ImportError"
    assert re.search(says, raised.value.evalue) and "\n" not in raised.value.evalue


# --- its text ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_first_cell_is_the_one_of_the_settings(path: Path) -> None:
    settings = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert f'"{settings["url"]}@{settings["branch"]}"' in cells[0].source
    assert cells[0].source == first_cell.code(first_cell.repository())
    assert not any(map(first_cell.is_first_cell, cells[1:]))


def test_nothing_asks_an_index_for_our_name() -> None:
    texts = [*ALL, *ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("tools/*.py")]
    texts += [*ROOT.glob(".github/workflows/*.yml"), *ROOT.glob(".binder/*")]
    wrong = re.compile(rf"install [^\n`]*(?<![\w/]){OURS}(?!\s*@|[\w/-])")
    assert [path for path in texts if wrong.search(path.read_text(encoding="utf-8"))] == []
    assert wrong.search(f"pip install -q {OURS}") and wrong.search(
        f"install {OURS}[widgets]"
    )


LONG = (
    "https://git.an-institute-with-a-long-name.org/natural-language/a-course-on-attention"
)


@pytest.mark.parametrize("address", ["", "https://a.org/b/c@main", f"{LONG}@2026-autumn"])
def test_the_cell_is_short_whatever_the_address(address: str) -> None:
    notebook = notebooks.stripped(fetching(address))
    assert notebooks.problems(notebook) == []
    compile(notebook.cells[1].source, "cell", "exec")
    pieces = re.findall(
        r'^ *(?:repository = )?"(https.*|.*@.*)"$', notebook.cells[1].source, re.M
    )
    assert "".join(pieces) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("url: https://github.com/a/b\n  branch: work", "https://github.com/a/b@work"),
        ("url: https://github.com/a/b.git/", "https://github.com/a/b@main"),
        ("url: https://git.uni-a.de/group/sub/b", "https://git.uni-a.de/group/sub/b@main"),
        ("url: ''", ""),
        ("branch: main", ""),
        ("url: https://github.com/your/book", ""),
        ("url: https://github.com/OWNER/book", ""),
        ("url: https://example.org/a/b", ""),
        ("url: https://github.com/", ""),
        ("url: a/b", ""),
        ("url: 'https://a.org/b/c\"; import os; \"'", ""),
    ],
)
def test_an_address_is_read_or_there_is_none(
    tmp_path: Path, text: str, address: str
) -> None:
    (tmp_path / "_config.yml").write_text(f"repository:\n  {text}\n")
    assert first_cell.repository(tmp_path) == address


def test_settings_without_a_repository_have_no_address(tmp_path: Path) -> None:
    (tmp_path / "_config.yml").write_text("title: A book\n")
    assert first_cell.repository(tmp_path) == ""


def test_a_changed_address_makes_every_notebook_stale(monkeypatch, capsys) -> None:
    path = ROOT / "intro.ipynb"
    assert notebooks.check([path]) == 0
    monkeypatch.setattr(first_cell, "repository", lambda: "https://a.org/b/c@main")
    assert notebooks.check([path]) == 1
    assert (
        "does not fetch the library from where _config.yml says" in capsys.readouterr().out
    )


def test_a_notebook_without_a_title_is_told() -> None:
    bare = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    with pytest.raises(contents.ContentsError, match="x.ipynb begins with code"):
        first_cell.placed(bare, "", "x.ipynb")


def test_the_first_cell_moves_no_name_and_no_count() -> None:
    notebook = nbformat.read(ROOT / "_template.ipynb", as_version=4)
    bare = nbformat.from_dict(notebook | {"cells": [*notebook.cells]})
    bare.cells = [cell for cell in bare.cells if not first_cell.is_first_cell(cell)]
    kept = [
        cell for cell in notebooks.stripped(notebook).cells if cell.id != first_cell.TAG
    ]
    assert kept == notebooks.stripped(bare).cells
