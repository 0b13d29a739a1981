"""What was measured of the grader, in measured.json: the pages say these numbers."""

import json
import os
from pathlib import Path
from typing import Any

PLACE = Path(__file__).with_name("measured.json")


def measured() -> dict[str, Any]:
    """Everything, by its name."""
    found: dict[str, Any] = json.loads(PLACE.read_text(encoding="utf-8"))
    return found


def record(name: str, found: dict[str, Any]) -> None:
    """Print a measurement; keep it, where ``RECORD_MEASURED`` asks for that."""
    print(f"\n{name}: {json.dumps(found)}")
    if os.environ.get("RECORD_MEASURED"):
        now = measured() | {name: found}
        PLACE.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
