"""How results are written: values beside what made them."""

import argparse
import ast
import hashlib
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import seq2seq_lib

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
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
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a short run to see that it works; writes to results/quick/",
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
) -> Path:
    """Write ``results/NAME.json``, whole or not at all."""
    folder = RESULTS / "quick" if args.quick else RESULTS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"run": run, "values": values}, indent=1) + "\n")
    os.replace(partial, path)
    print(f"wrote {path.relative_to(ROOT)}")
    return path


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
