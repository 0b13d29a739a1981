"""Open what was uploaded to Gradescope, in a process that is thrown away.

    python -m assignments.unpacking submission A3 place

The notebooks are copied to ``place/in``, one folder for each, and ``place/told.json``
says what there is to say of them: a note, or why there is none to grade.
"""

import json
import resource
import sys
from pathlib import Path

from assignments.contents import contents, notebooks

MEMORY = 1 << 30  # bytes


def unpack(folder: Path, assignment: str, place: Path) -> dict[str, str]:
    """Copy the notebooks; a note, or a problem."""
    try:
        files, note = notebooks(contents(folder, "submission"), assignment)
        for number, file in enumerate(files):
            name = file.name.split("/")[-1][-200:]
            copy = place / "in" / "student" / str(number) / name
            copy.parent.mkdir(parents=True)
            copy.write_bytes(file.read())
    except ValueError as error:
        return {"problem": str(error)}
    return {"note": note}


def main() -> int:
    """The command line; only ``assignments.gradescope`` uses it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    folder, assignment, place = sys.argv[1:]
    told = unpack(Path(folder), assignment, Path(place))
    (Path(place) / "told.json").write_text(json.dumps(told), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
