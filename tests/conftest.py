"""What all tests share: checked shapes, and skips that count in CI."""

import os
from pathlib import Path

# Where the library annotates shapes, they and all types are checked at every call while
# tests run, and only then. Elsewhere mypy has read the types, and a check at every call
# would take two thirds of the time. This has to happen before anything imports the
# library. SEQ2SEQ_TYPECHECK=0 switches it off.
if os.environ.get("SEQ2SEQ_TYPECHECK", "1") != "0":
    from jaxtyping import install_import_hook

    library = Path(__file__).resolve().parents[1] / "seq2seq_lib"
    annotated = [
        ".".join(path.relative_to(library.parent).with_suffix("").parts)
        for path in library.rglob("*.py")
        if "from jaxtyping import" in path.read_text(encoding="utf-8")
    ]
    install_import_hook(annotated, "beartype.beartype")

from collections.abc import Generator, Iterator

import pytest
from browsing import served

ROOT = Path(__file__).resolve().parent.parent

# Hardware that a machine lacks cannot be installed, nor rights that its system keeps: such
# a skip is never a failure.
_HARDWARE = (
    "cuda",
    "gpu",
    "cgroup can be limited",
    "network namespaces may be made",
    "tmpfs may be mounted",
)


def nothing_may_be_skipped() -> bool:
    """Whether a check that cannot run is a failure (CI, or REQUIRE_ALL=1)."""
    return any(
        os.environ.get(name, "").lower() in ("1", "true") for name in ("REQUIRE_ALL", "CI")
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where everything has to be checked."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and nothing_may_be_skipped():
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        if not any(word in reason.lower() for word in _HARDWARE):
            report.outcome = "failed"
            report.longrepr = f"{reason} (REQUIRE_ALL or CI is set, so this must run)"
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuse to run a test side by side with others that says the truth only alone."""
    if item.get_closest_marker("alone") and "PYTEST_XDIST_WORKER" in os.environ:
        pytest.fail("This test is marked `alone`: run it without -n.", pytrace=False)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def html(root: Path) -> Path:
    """The folder of the built pages."""
    folder = root / "_build" / "html"
    if not (folder / "index.html").is_file():
        pytest.fail("There is no built book: run `make book` first.", pytrace=False)
    return folder


@pytest.fixture(scope="module")
def address(html: Path) -> Iterator[str]:
    """The address at which the built pages are served."""
    with served(html) as found:
        yield found
