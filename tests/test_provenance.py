"""What decides a result: definitions followed by name, and files followed by import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import provenance

ROOT = Path(__file__).resolve().parents[1]


def write(root: Path, name: str, text: str = "") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")
    return path


# --- definitions -------------------------------------------------------------------------

LIBRARY = '''"""Text."""
from seq2seq_lib.require import require

RATE = 2  # a comment
OTHER = 3
TABLE = {"a": 1}
TABLE.update(b=2)
try:
    from fast import quick
except ImportError:
    quick = None


def helper(x):
    """Text."""
    return x


def used(x):
    require(x > 0, "x is too small.")
    assert x > 0
    return helper(x) + TABLE["a"] if quick is None else 0


def unused(x):
    return OTHER
'''
SCRIPT = """from seq2seq_lib import core
from seq2seq_lib.core import used
import seq2seq_lib.other as other


def run(arm, seed, quick):
    from seq2seq_lib.late import late

    return used(seed) + core.RATE + other.Kind().value + late()
"""


@pytest.fixture
def code(tmp_path):
    """A library and an experiment that uses a part of it."""
    for package in ("seq2seq_lib", "experiments"):
        write(tmp_path, f"{package}/__init__.py")
    write(tmp_path, "experiments/small.py", SCRIPT)
    write(tmp_path, "seq2seq_lib/require.py", "def require(condition, message): ...\n")
    write(tmp_path, "seq2seq_lib/other.py", "from .base import Kind\n")
    write(tmp_path, "seq2seq_lib/base.py", "class Kind:\n    value = 1\n")
    write(tmp_path, "seq2seq_lib/late.py", "def late():\n    return 1\n")
    write(tmp_path, "seq2seq_lib/core.py", LIBRARY)

    def text(configuration: dict | None = None) -> str:
        return provenance.definitions(
            "experiments.small", "run", configuration or {"size": 1}, tmp_path
        )

    def changed(old: str, new: str, file: str = "core") -> str:
        path = tmp_path / "seq2seq_lib" / f"{file}.py"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))
        return text()

    return text, changed


@pytest.mark.parametrize(
    "old, new",
    [
        ('"""Text."""', '"""Other text."""'),
        ("  # a comment", ""),
        ("    return x\n", "    if x < 0:\n        raise ValueError(x)\n    return x\n"),
        ('"x is too small."', 'f"{x} is smaller than {OTHER}."'),
        ('    require(x > 0, "x is too small.")\n', ""),
        ("    assert x > 0\n", ""),
        ("return OTHER", "return OTHER + 1"),
        ("OTHER = 3", "OTHER = 4"),
        ("def unused", "def added(x):\n    return x\n\n\ndef unused"),
    ],
)
def test_what_cannot_change_a_number_leaves_the_text(code, old, new):
    text, changed = code
    before = text()
    assert changed(old, new) == before


@pytest.mark.parametrize(
    "old, new, file",
    [
        ("return x\n", "return x + 1\n", "core"),  # two steps away
        ("return helper(x)", "return helper(x) * 2", "core"),
        ("RATE = 2", "RATE = 3", "core"),  # named through its module
        ("update(b=2)", "update(a=2)", "core"),  # changes what was defined above
        ("quick = None", "quick = 1", "core"),  # defined in a branch
        ("x > 0", "(x := x + 1) > 0", "core"),  # a check that also sets a name
        ("value = 1", "value = 2", "base"),  # import as, then a relative import
        ("return 1", "return 2", "late"),  # imported inside a function
    ],
)
def test_what_can_change_a_number_changes_the_text(code, old, new, file):
    text, changed = code
    before = text()
    assert changed(old, new, file) != before


def test_a_whole_module_that_is_handed_on_is_followed_whole(tmp_path):
    write(tmp_path, "lib/__init__.py")
    write(tmp_path, "lib/core.py", "A = 1\n")
    write(tmp_path, "lib/start.py", "from lib import core\ndef run(): return vars(core)\n")
    before = provenance.definitions("lib.start", "run", {}, tmp_path)
    write(tmp_path, "lib/core.py", "A = 2\n")
    assert provenance.definitions("lib.start", "run", {}, tmp_path) != before


def test_the_command_line_of_a_module_decides_nothing(tmp_path):
    text = "def run(): return go()\ndef go(): return 1\n"
    write(tmp_path, "small.py", text)
    before = provenance.definitions("small", "run", {}, tmp_path)
    write(tmp_path, "small.py", text + 'if __name__ == "__main__":\n    print(go())\n')
    assert provenance.definitions("small", "run", {}, tmp_path) == before


def test_the_configuration_is_part_of_the_text(code):
    text, _ = code
    assert text({"size": 2}) != text({"size": 1})


def test_an_experiment_reaches_the_parts_of_the_model():
    found = provenance.reached("experiments.ablations", "run")
    for part in (
        "seq2seq_lib.encoder:Encoder",
        "seq2seq_lib.decoder:Decoder",
        "seq2seq_lib.attention.additive:Additive",
        "seq2seq_lib.attention.lookup:masked_softmax",
        "seq2seq_lib.training:train_step",
        "seq2seq_lib.tasks.numbers:Numbers",
        "seq2seq_lib.vocab:PAD",
        "experiments.recipes:RECIPES",
    ):
        assert part in found
    assert "seq2seq_lib.metrics:bleu" not in found


def test_a_function_that_is_not_there_is_told():
    with pytest.raises(ValueError, match="defines no 'walk'"):
        provenance.reached("experiments.ablations", "walk")


# --- files -------------------------------------------------------------------------------


def names(found: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root.resolve()).as_posix() for path in found]


@pytest.fixture
def project(tmp_path):
    """One package inside another, a script beside it, and what nobody imports."""
    write(tmp_path, "lib/__init__.py")
    write(tmp_path, "lib/a.py", "import json\nimport lib.inner.b\n")
    write(tmp_path, "lib/inner/__init__.py", "from .c import thing\n")
    write(tmp_path, "lib/inner/b.py", "def f():\n    from ..d import name\n")
    write(tmp_path, "lib/inner/c.py", "thing = 1\n")
    write(tmp_path, "lib/d.py", "from torch import nn\nname = 1\n")
    write(tmp_path, "lib/alone.py")
    write(tmp_path, "scripts/helper.py")
    return tmp_path


@pytest.mark.parametrize(
    "text",
    [
        "import lib.a\n",
        "import lib.a as short\n",
        "from lib import a\n",
        "from lib.a import something\n",
        "def later():\n    import lib.a\n",
        "if True:\n    from lib import (\n        a,\n    )\n",
        "\ufeffimport lib.a\r\n",
    ],
)
def test_every_form_of_import_is_followed(project, text):
    start = write(project, "scripts/start.py", text)
    assert names(provenance.files(start, root=project), project) == [
        "lib/__init__.py",
        "lib/a.py",
        "lib/d.py",
        "lib/inner/__init__.py",
        "lib/inner/b.py",
        "lib/inner/c.py",
        "scripts/start.py",
    ]


def test_the_code_cells_of_a_notebook_are_followed_and_its_text_is_not(project):
    cells = [
        {"cell_type": "markdown", "source": "import lib.alone"},
        {"cell_type": "code", "source": ["%%time\n", "from lib import d\n"]},
        {
            "cell_type": "code",
            "source": "!pip install x\nif 1:\n    %time f()\n    import lib.inner.c",
        },
        {"cell_type": "code", "source": "this is no Python"},
    ]
    start = write(project, "page.ipynb", json.dumps({"cells": cells}))
    assert names(provenance.files(start, root=project), project) == [
        "lib/__init__.py",
        "lib/d.py",
        "lib/inner/__init__.py",
        "lib/inner/c.py",
        "page.ipynb",
    ]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"cells": [{}]}', '{"cells": [1'])
def test_a_notebook_in_pieces_still_counts_as_a_file(project, text):
    start = write(project, "page.ipynb", text)
    assert names(provenance.files(start, root=project), project) == ["page.ipynb"]


def test_modules_that_import_each_other_come_to_an_end(project):
    write(project, "lib/e.py", "import lib.f\n")
    write(project, "lib/f.py", "import lib.e\n")
    found = names(provenance.files("lib/e.py", root=project), project)
    assert found == ["lib/__init__.py", "lib/e.py", "lib/f.py"]


def test_a_start_that_does_not_exist_is_told(project):
    with pytest.raises(FileNotFoundError, match="nowhere.py does not exist"):
        provenance.files("lib/nowhere.py", root=project)


def test_the_files_of_this_project_are_found():
    found = names(provenance.files("chapters/08-additive-attention.ipynb"), ROOT)
    assert {"seq2seq_lib/model.py", "seq2seq_lib/tasks/numbers.py"} <= set(found)
    assert not any(name.startswith(("tools/", "tests/", ".venv/")) for name in found)


# --- digests -----------------------------------------------------------------------------


def test_a_digest_ignores_line_ends_the_order_and_the_place_of_the_clone(tmp_path):
    found = []
    for folder, end in (("one", "\n"), ("other", "\r\n")):
        root = tmp_path / folder
        paths = [write(root, n, f'"""Text."""{end}x = 1{end}') for n in ("a.py", "p/b.py")]
        if end == "\r\n":
            paths.reverse()
        found.append(provenance.digest(paths, "3.11", root=root))
    assert found[0] == found[1]


@pytest.mark.parametrize("text", ['"""Other."""\nx = 1\n', '"""Text."""\nx = 1', "x = 1\n"])
def test_a_digest_ignores_nothing_else(tmp_path, text):
    path = write(tmp_path, "a.py", '"""Text."""\nx = 1\n')
    before = provenance.digest([path], root=tmp_path)
    write(tmp_path, "a.py", text)
    assert provenance.digest([path], root=tmp_path) != before


def test_a_digest_knows_names_and_more_words(tmp_path):
    one, other = write(tmp_path, "a.py"), write(tmp_path, "b.py")
    texts = {
        provenance.digest([one], root=tmp_path),
        provenance.digest([other], root=tmp_path),
        provenance.digest([one, other], root=tmp_path),
        provenance.digest([one], "3.11", root=tmp_path),
        provenance.digest([one], "3.11", "1", root=tmp_path),
        provenance.digest([one], "3.1", "11", root=tmp_path),
    }
    assert len(texts) == 6


def test_looking_at_code_imports_none_of_it():
    program = (
        "import sys; from tools import provenance as p;"
        "p.digest(p.files('assignments/grade.py'));"
        "p.definitions('experiments.surface', 'run', {});"
        "sys.exit(bool({'torch', 'seq2seq_lib', 'experiments'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
