"""Build the wheel of the library, with the results that chapters read.

    python -m tools.wheel        # what `make wheel` does: _build/dist/*.whl

It is built from a copy, so that nothing of an earlier build comes along, and with the
packages of this environment, so without a connection.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools import commands, environment
from tools.contents import ContentsError

# What no wheel needs, in whichever folder.
LEFT = (".*", "_*.ipynb", "_build", "build", "dist", "*.egg-info", "__pycache__")
BIG = ("tests", "chapters", "experiments", "assignments", "parts", "quick")
# The time that every file in the wheel gets, the oldest that a ZIP knows: the same tree
# gives the same bytes.
OLDEST = "315532800"


def build_wheel(source: Path, target: Path) -> Path:
    """Build the wheel of the project in ``source`` in a folder; returns the file.

    Raises:
        ContentsError: it could not be built; the message ends with what pip said.
    """
    with tempfile.TemporaryDirectory() as folder:
        copied, made = Path(folder) / "source", Path(folder) / "made"
        shutil.copytree(source, copied, ignore=shutil.ignore_patterns(*LEFT, *BIG))
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--wheel-dir", str(made), str(copied)]
        env = environment.book_environment(static=False) | {"SOURCE_DATE_EPOCH": OLDEST}
        done = subprocess.run(command, env=env, capture_output=True, text=True)
        if done.returncode:
            raise ContentsError(f"The wheel was not built: {done.stderr.strip()}")
        (wheel,) = made.glob("*.whl")
        target.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, target / wheel.name))


def main() -> int:
    """The command line; returns the exit status."""
    print(build_wheel(environment.ROOT, environment.ROOT / "_build" / "dist"))
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
