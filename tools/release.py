"""Whether the project may be published under a tag: all that names its version agrees.

    python -m tools.release v0.2.0

The workflow that publishes asks this first. The version is `__version__` of the library;
pyproject.toml, CITATION.cff and the newest heading of CHANGELOG.md say the same, and that
heading says no longer that it is in work.
"""

import re
import sys
import tomllib
from datetime import date
from pathlib import Path

import yaml

from tools import commands, environment
from tools.contents import ContentsError, read


def said(root: Path) -> dict[str, str]:
    """The version by the file that says it.

    Raises:
        ContentsError: a file is missing or not what it should be.
    """
    library = read(root / "seq2seq_lib" / "__init__.py", "the library")
    project = read(root / "pyproject.toml", "a project's settings", tomllib.loads)
    cited = read(root / "CITATION.cff", "a citation", yaml.safe_load)
    changes = read(root / "CHANGELOG.md", "a changelog")
    found = {
        "seq2seq_lib/__init__.py": re.search(r'^__version__ = "(.*)"', library, re.M),
        "CHANGELOG.md": re.search(r"^## (\d[\w.]*)", changes, re.M),
    }
    return {
        **{name: match[1] if match else "" for name, match in found.items()},
        "pyproject.toml": str(project["project"]["version"]),
        "CITATION.cff": str(cited["version"]),
    }


def reasons(root: Path, tag: str) -> list[str]:
    """Why a tag may not be published, a sentence each."""
    versions = said(root)
    found = [
        f"{name} says version {version or '?'}, the tag is {tag}: bring them in step."
        for name, version in versions.items()
        if f"v{version}" != tag
    ]
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if re.search(rf"^## {re.escape(tag[1:])}, in work$", changes, re.M):
        found.append(f"CHANGELOG.md says that {tag[1:]} is in work: put its date there.")
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    day = cited.get("date-released")
    if not isinstance(day, date) or day > date.today():
        found.append(f"CITATION.cff was released on {day}: put a day there that has been.")
    return found


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = commands.parser("tools.release", __doc__)
    parser.add_argument("tag", help="such as v0.2.0")
    tag = parser.parse_args(arguments).tag
    if found := reasons(environment.ROOT, tag):
        raise ContentsError("\n".join(found))
    print(f"{tag} may be published.")
    return 0


if __name__ == "__main__":
    sys.exit(commands.run(main))
