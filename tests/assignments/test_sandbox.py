"""What kind of closed process a machine can give, and what is said where it cannot."""

import pytest

from assignments import conversation, sandbox
from assignments.limits import Limits
from assignments.sandbox import Sandbox


@pytest.fixture
def without_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)


def test_an_ordinary_user_without_bubblewrap_gets_limits(
    without_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 1000)
    box = Sandbox("auto")
    assert box.kind == "limits" and "apt install bubblewrap" in box.host.told()


def test_root_without_bubblewrap_has_to_ask_for_it(
    without_bubblewrap: None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(sandbox.os, "geteuid", lambda: 0)
    monkeypatch.setattr(sandbox, "_readable_by_all", lambda: False)
    with pytest.raises(ValueError, match="You are root and bubblewrap"):
        Sandbox("auto")
    assert Sandbox("limits").kind == "limits"
    monkeypatch.setattr(sandbox, "_readable_by_all", lambda: True)
    assert Sandbox("auto").kind == "limits"


def test_bubblewrap_that_is_asked_for_and_missing_is_an_error(without_bubblewrap: None):
    with pytest.raises(ValueError, match="apt install bubblewrap"):
        Sandbox("bubblewrap")


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match="auto.*bubblewrap.*limits"):
        Sandbox("docker")


def test_windows_is_sent_elsewhere(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sandbox.os, "name", "nt")
    with pytest.raises(ValueError, match="use WSL"):
        Sandbox("auto")


def test_bubblewrap_is_taken_where_it_works(bubblewrap: None):
    assert Sandbox("auto").kind == "bubblewrap"


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("", ""),
        ("time", "longer than the 7 s"),
        ("exit 3", "exit code 3"),
        ("signal 11", "SIGSEGV"),
        ("signal 77777", "a signal"),
        ("start", "did not start"),
        ("something else", ""),
    ],
)
def test_an_ending_is_a_sentence(told: str, words: str):
    sentence = conversation._ending(told, Limits(seconds=7))
    assert words in sentence and bool(words) == bool(sentence)
