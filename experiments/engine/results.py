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
from seq2seq_lib.files import write_text
from seq2seq_lib.require import require

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
RUN = {"command", "configuration", "seeds", "versions", "code"}


def describe_run(
    name: str,
    configuration: dict[str, Any],
    seeds: Sequence[int] = (),
    quick: bool = False,
    code: str = "",
    **more: Any,
) -> dict[str, Any]:
    """What must be known to run an experiment again.

    ``code`` is a fingerprint of what decides the numbers, "" where they are times. The
    ``threads`` are those of this process if ``more`` does not say others.
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
        "threads": torch.get_num_threads(),
        **more,
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
    write_text(path, json.dumps(content, indent=1) + "\n")


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
        raise ValueError(f"{path} is not whole ({error}); make it with {again}.") from None
    whole = content if isinstance(content, dict) else {}
    run, values = whole.get("run"), whole.get("values")
    lacks = sorted(RUN - set(run)) if isinstance(run, dict) else ["run"]
    lacks += [] if isinstance(values, dict) else ["values"]
    require(
        not lacks,
        f"{path.name} does not say how it was made (missing: {', '.join(lacks)}); make it "
        f"again with {again}.",
    )
    wanted = {**dict.fromkeys(values, run["seeds"]), **run.get("arm_seeds", {})}
    for arm, seeds in wanted.items() if run["code"] else ():  # times have no seeds
        found = values.get(arm)
        lost = {str(seed) for seed in seeds} - set(found if isinstance(found, dict) else ())
        require(
            not lost,
            f"{path.name} lacks seed {', '.join(sorted(lost))} of {arm!r}; make it again "
            f"with {again}.",
        )
    require(
        incomplete or content.get("complete", True) is True,
        f"{path.name} is incomplete (missing: {content.get('missing')}); complete it with "
        f"{again}.",
    )
    return content
