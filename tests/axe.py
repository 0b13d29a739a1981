"""What axe-core finds on a page: barriers for readers who see little, or use no mouse."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Where `.ci/run` puts it.
AXE = ROOT / "_build" / "npm" / "node_modules" / "axe-core" / "axe.min.js"
COMMAND = "npm install --no-save --prefix _build/npm axe-core@4.14.1"
CHECKSUM = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def script() -> str:
    """The text of axe-core; skips the test where it is not installed."""
    if not AXE.is_file():
        pytest.skip(f"no axe-core: `{COMMAND}` fetches it to look for barriers")
    content = AXE.read_bytes()
    found = sha256(content).hexdigest()
    assert found == CHECKSUM, f"{AXE} is not axe-core 4.14.1: remove _build/npm"
    return content.decode()


def barriers(browser: Any, only: str = "") -> list[str]:
    """What is serious or critical on the page that a browser shows, one sentence each.

    Args:
        browser: with a page that stands.
        only: the one rule that is looked at, such as ``color-contrast``; else all are.
    """
    if not browser.execute_script("return 'axe' in window"):
        browser.execute_script(script())
    found = browser.execute_async_script(
        "const [only, done] = arguments;"
        "const rules = only ? { runOnly: [only] } : {};"
        "axe.run(document, { ...rules, resultTypes: ['violations'] })"
        ".then((r) => done(r.violations));",
        only,
    )
    return [
        f"{one['id']}: {node['html'][:120]} {node['failureSummary'] or ''}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
