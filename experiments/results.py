"""How results are written: values beside what made them."""

import argparse
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

import seq2seq_lib
from seq2seq_lib.training import History

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
OPENING = 50  # updates that are run again to confirm a result
TOLERANCE = 1e-6  # relative; two machines differ by as much


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


def describe_run(
    name: str,
    configuration: dict[str, Any],
    seeds: Sequence[int],
    args: argparse.Namespace,
    code: str = "",
    threads: int | None = None,
) -> dict[str, Any]:
    """What must be known to run an experiment again.

    Args:
        name: of the experiment.
        configuration: everything that was chosen.
        seeds: of all runs.
        args: the command line.
        code: fingerprint of the code that decides the numbers; "" where they are times.
        threads: of each run; default: those of this process.
    """
    return {
        "command": f"python -m experiments.{name}" + (" --quick" if args.quick else ""),
        "configuration": configuration,
        "seeds": list(seeds),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "seq2seq_lib": seq2seq_lib.__version__,
        },
        "code": code,
        "threads": threads or torch.get_num_threads(),
    }


def write_results(
    name: str, values: dict[str, Any], run: dict[str, Any], args: argparse.Namespace
) -> None:
    """Write ``results/NAME.json``, whole or not at all."""
    folder = RESULTS / "quick" if args.quick else RESULTS
    path = folder / f"{name}.json"
    write_json(path, {"run": run, "values": values})
    print(f"wrote {path.relative_to(ROOT)}")


def opening_loss(history: History) -> float:
    """Mean loss of the first updates, which ``confirm_results`` compares."""
    return sum(history.losses[:OPENING]) / OPENING


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=1) + "\n")
    os.replace(partial, path)


def read_results(name: str, quick: bool = False) -> dict[str, Any]:
    """What ``write_results`` wrote.

    Raises:
        FileNotFoundError: the experiment has not been run.
        ValueError: the file is damaged, or does not say how it was made.
    """
    path = (RESULTS / "quick" if quick else RESULTS) / f"{name}.json"
    again = f"make it again with `python -m experiments.{name}`"
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist; make it with `python -m experiments.{name}`."
        )
    try:
        content = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not whole ({error}); {again}.") from None
    check_results(path.name, content, again)
    return content


def check_results(name: str, content: Any, again: str) -> None:
    """Raise a ValueError unless results say how they were made and lack no seed."""
    run = content.get("run") if isinstance(content, dict) else None
    missing = {"command", "configuration", "seeds", "versions", "code"} - set(run or ())
    if not isinstance(run, dict) or missing or "values" not in content:
        raise ValueError(
            f"{name} does not say how it was made (missing: "
            f"{', '.join(sorted(missing)) or 'values'}); {again}."
        )
    for arm, seeds in content["values"].items():
        if not run["code"]:
            break  # times, which have no seeds
        lost = {str(s) for s in run.get("arm_seeds", {}).get(arm, run["seeds"])} - set(
            seeds
        )
        if lost:
            raise ValueError(
                f"{name} lacks seed {', '.join(sorted(lost))} of {arm!r}; {again}."
            )
