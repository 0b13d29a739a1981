"""How results are written: values beside what made them."""

import argparse
import ast
import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

import seq2seq_lib
from seq2seq_lib.training import History

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
OPENING = 50  # updates that are run again to confirm a result
TOLERANCE = 1e-6  # relative; two machines differ by as much
# The modules whose code decides an experiment's numbers.
MODEL_CODE = (
    "vocab.py tasks/example.py tasks/numbers.py tasks/multi30k.py batching.py encoder.py "
    "attention.py decoder.py model.py training.py decoding.py metrics.py"
).split()


def arguments(description: str | None) -> argparse.Namespace:
    """The options that every experiment has."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--quick",
        action="store_true",
        help="a short run to see that it works; writes to results/quick/",
    )
    choice.add_argument(
        "--confirm",
        action="store_true",
        help="run the beginning of each run again; if its loss agrees, record that "
        "today's code makes the stored numbers",
    )
    return parser.parse_args()


class _Essence(ast.NodeTransformer):
    """Leaves out what cannot change a number: docstrings and checks that raise."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        self.generic_visit(node)
        return node if node.body or node.orelse else None

    def visit_Raise(self, node: ast.Raise) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else node


def code_fingerprint() -> str:
    """Changes when the code that decides the numbers does, but not when its text does.

    Comments, docstrings, line breaks and the checks that only raise are left out.
    """
    digest = hashlib.sha256()
    for name in MODEL_CODE:
        path = Path(seq2seq_lib.__file__).parent / name
        tree = _Essence().visit(ast.parse(path.read_text(encoding="utf8")))
        digest.update(ast.dump(tree).encode())
    return digest.hexdigest()[:16]


def describe_run(
    name: str, configuration: dict[str, Any], seeds: Sequence[int], args: argparse.Namespace
) -> dict[str, Any]:
    """What must be known to run an experiment again."""
    return {
        "command": f"python -m experiments.{name}" + (" --quick" if args.quick else ""),
        "configuration": configuration,
        "seeds": list(seeds),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "seq2seq_lib": seq2seq_lib.__version__,
        },
        "code": code_fingerprint(),
        "threads": torch.get_num_threads(),
    }


def write_results(
    name: str, values: dict[str, Any], run: dict[str, Any], args: argparse.Namespace
) -> None:
    """Write ``results/NAME.json``, whole or not at all."""
    folder = RESULTS / "quick" if args.quick else RESULTS
    _write(folder / f"{name}.json", {"run": run, "values": values})


def confirm_results(name: str, opening: Callable[[str, int], float]) -> None:
    """Record today's code for stored numbers that it makes again.

    A change that cannot alter what is learned (a clearer error, a sum in another order)
    changes the fingerprint all the same. The first updates of each arm are a check that
    costs minutes where the experiment costs hours. They must agree to the rounding of
    sums, ``TOLERANCE``; the result keeps the fingerprint of the code that made it.

    Args:
        name: the experiment; each of its runs stores ``opening_loss``.
        opening: the opening loss of one arm and seed, run again now.

    Raises:
        SystemExit: a number differs; the experiment must be run again.
    """
    stored = read_results(name)
    torch.set_num_threads(stored["run"]["threads"])
    for arm, seeds in stored["values"].items():
        seed, values = next(iter(seeds.items()))
        again = opening(arm, int(seed))
        if not math.isclose(again, values["opening_loss"], rel_tol=TOLERANCE):
            raise SystemExit(
                f"{arm}, seed {seed}: the opening loss is {again!r}, stored "
                f"{values['opening_loss']!r}; run `python -m experiments.{name}` again."
            )
        print(f"{arm}, seed {seed}: agrees")
    stored["run"].setdefault("made_by_code", stored["run"]["code"])
    stored["run"]["code"] = code_fingerprint()
    _write(RESULTS / f"{name}.json", stored)


def opening_loss(history: History) -> float:
    """Mean loss of the first updates, which ``confirm_results`` compares."""
    return sum(history.losses[:OPENING]) / OPENING


def _write(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)
    print(f"wrote {path.relative_to(ROOT)}")


def read_results(name: str) -> dict[str, Any]:
    """What ``write_results`` wrote.

    Raises:
        FileNotFoundError: the experiment has not been run.
    """
    path = RESULTS / f"{name}.json"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; make it with `python -m experiments.{name}`."
        )
    return json.loads(path.read_text())
