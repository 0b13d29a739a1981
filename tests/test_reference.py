"""The library's pages hold every module, in the order of the library's floors."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import seq2seq_lib
from tools import contents
from tools.docstrings import with_equations

ROOT = Path(__file__).resolve().parent.parent
TABLE = (ROOT / "library.md").read_text(encoding="utf-8")
PAGES = [path for path in contents.pages(ROOT) if path.parent.name == "library"]
FLOORS = re.search(r"those above it:\n\n(.*?)\n\Z", seq2seq_lib.__doc__, re.S)[1]
ORDER = [name.strip() for name in FLOORS.replace("\n", " ").split(",")]
FOLDERS = {"attention", "hooks", "live", "tasks", "translate"}


def documented(path: Path) -> list[str]:
    """The modules that a page documents, without the library's name."""
    text = path.read_text(encoding="utf-8")
    modules = re.findall(r"^\.\. automodule:: seq2seq_lib\.([\w.]+)$", text, re.M)
    assert re.findall(r"^## seq2seq_lib\.([\w.]+)$", text, re.M) == modules
    return modules


def test_every_module_is_documented_once() -> None:
    found = [module for path in PAGES for module in documented(path)]
    there = {info.name for info in pkgutil.iter_modules(seq2seq_lib.__path__)}
    for folder in FOLDERS:
        package = importlib.import_module(f"seq2seq_lib.{folder}")
        inside = pkgutil.iter_modules(package.__path__)
        names = {info.name for info in inside} - {"__main__"}  # which is a command
        there |= {f"{folder}.{name}" for name in names}
    there = {name for name in there if name.split(".")[0] in ORDER}
    assert len(found) == len(set(found))
    assert set(found) == there, "Add a module to its page in the folder library."


def test_pages_are_in_the_order_of_the_floors() -> None:
    found = [module for path in PAGES for module in documented(path)]
    assert [module for module in found if "." not in module] == ORDER
    for module in found:
        floor = module.split(".")[0]
        same = [i for i, name in enumerate(found) if name.split(".")[0] == floor]
        assert same == list(range(same[0], same[-1] + 1)), f"{floor} is torn apart"


def test_the_table_has_the_modules_of_each_page() -> None:
    rows = re.findall(r"^\| \[[^]]+\]\((library/[\w-]+\.md)\) \| (.+) \|$", TABLE, re.M)
    assert [ROOT / name for name, _ in rows] == PAGES
    for path, (_, modules) in zip(PAGES, rows, strict=True):
        floors = [module for module in documented(path) if "." not in module]
        assert re.findall(r"seq2seq_lib\.(\w+)>`", modules) == floors


def test_the_example_of_the_page_is_the_one_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", TABLE, re.S)
    assert example in readme


# --- equations in docstrings ------------------------------------------------------------


def test_an_equation_becomes_a_block() -> None:
    text = inspect.cleandoc(
        """The mean.

            mean = sum / n
                 = 2

            second line

        where n counts.

        Args:
            n: how many,
                at least 1.
        """
    )
    expected = """The mean.

.. code-block:: text

    mean = sum / n
         = 2

    second line

where n counts.

Args:
    n: how many,
        at least 1."""
    assert "\n".join(with_equations(text.splitlines())) == expected


@pytest.mark.parametrize(
    "text",
    [
        "One line.",
        "A list:\n\n- one\n  goes on\n- two",
        ">>> pad([[7, 8], [7]])\ntensor([[7, 8],\n        [7, 0]])",
        "Raises:\n    ValueError: it is none.",
    ],
)
def test_other_text_stays_as_it_is(text: str) -> None:
    assert with_equations(text.splitlines()) == text.splitlines()


def test_no_section_of_a_docstring_holds_a_blank_line() -> None:
    """There the rest of the section would be taken for an equation."""
    section = re.compile(r"^(?:Args|Raises|Returns|Attributes):\n(?: .*\n)*\n +\S", re.M)
    for path in PAGES:
        for name in documented(path):
            module = importlib.import_module(f"seq2seq_lib.{name}")
            things = [module, *vars(module).values()]
            things += [m for t in things if inspect.isclass(t) for m in vars(t).values()]
            for thing in things:
                ours = str(getattr(thing, "__module__", "")).startswith("seq2seq_lib")
                if ours and (inspect.isclass(thing) or inspect.isfunction(thing)):
                    doc = inspect.getdoc(thing) or ""
                    assert not section.search(doc), f"{name}.{thing.__qualname__}"
