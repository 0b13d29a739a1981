"""What the tests of assignments share."""

import pytest

from assignments.sandbox import works


@pytest.fixture(scope="session")
def bubblewrap() -> None:
    """Skip, saying so, where processes cannot be closed."""
    if not works():
        pytest.skip("bubblewrap is not installed, or may not make namespaces here")
