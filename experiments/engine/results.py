"""How results are written: values beside what made them.

``results/NAME.json`` holds ``run``, which says how to make it again, and ``values``: arm ->
seed -> what was measured. A file may be incomplete; then ``"complete": false`` says so, and
``missing`` lists the seeds that each arm lacks. ``read_results`` refuses such a file.
"""

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import seq2seq_lib
from seq2seq_lib.files import write_atomically

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
RUN = {"command", "configuration", "seeds", "versions", "code"}


def describe_run(
    name: str,
    configuration: dict[str, Any],
    seeds: Sequence[int] = (),
    quick: bool = False,
    code: str = "",
    threads: int | None = None,
) -> dict[str, Any]:
    """What must be known to run an experiment again.

    Args:
        name: of the experiment.
        configuration: everything that was chosen.
        seeds: of all runs.
        quick: it was a short run.
        code: fingerprint of the code that decides the numbers; "" where they are times.
        threads: of each run; default: those of this process.
    """
    return {
        "command": f"python -m experiments.{name}" + (" --quick" if quick else ""),
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


def result_file(name: str, quick: bool = False) -> Path:
    """Where the results of an experiment lie."""
    return (RESULTS / "quick" if quick else RESULTS) / f"{name}.json"


def write_results(
    name: str,
    values: dict[str, Any],
    run: dict[str, Any],
    quick: bool = False,
    missing: Mapping[str, Sequence[int]] | None = None,
) -> None:
    """Write ``results/NAME.json``; what is ``missing`` makes it incomplete."""
    path = result_file(name, quick)
    state = {"complete": False, "missing": missing} if missing else {}
    write_json(path, {"run": run, **state, "values": values})
    print(f"wrote {path.relative_to(ROOT)}")


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(
        path, lambda partial: partial.write_text(text, encoding="utf-8", newline="\n")
    )


def read_results(name: str, quick: bool = False, incomplete: bool = False) -> Any:
    """What ``write_results`` wrote.

    Args:
        name: of the experiment.
        quick: read what a short run wrote.
        incomplete: a file that says that it is not complete will do.

    Raises:
        FileNotFoundError: the experiment has not been run.
        ValueError: the file is damaged, incomplete, or does not say how it was made.
    """
    path = result_file(name, quick)
    again = f"`python -m experiments.{name}`"
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; make it with {again}.")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} is not whole ({error}); make it again with {again}."
        ) from None
    _check(path.name, content, again)
    if not incomplete and content.get("complete", True) is not True:
        raise ValueError(
            f"{path.name} is incomplete (missing: {content.get('missing')}); complete it "
            f"with {again}."
        )
    return content


def _check(name: str, content: Any, again: str) -> None:
    """Raise a ValueError unless results say how they were made and lack no seed."""
    run = content.get("run") if isinstance(content, dict) else None
    values = content.get("values") if isinstance(content, dict) else None
    lacks = sorted(RUN - set(run)) if isinstance(run, dict) else ["run"]
    if not isinstance(values, dict):
        lacks.append("values")
    if lacks:
        raise ValueError(
            f"{name} does not say how it was made (missing: {', '.join(lacks)}); make it "
            f"again with {again}."
        )
    assert isinstance(run, dict) and isinstance(values, dict)
    if not run["code"]:
        return  # times, which have no seeds
    arm_seeds = {**dict.fromkeys(values, run["seeds"]), **run.get("arm_seeds", {})}
    for arm, wanted in arm_seeds.items():
        seeds = values.get(arm)
        lost = {str(s) for s in wanted} - set(seeds if isinstance(seeds, dict) else ())
        if lost:
            raise ValueError(
                f"{name} lacks seed {', '.join(sorted(lost))} of {arm!r}; make it again "
                f"with {again}."
            )
