"""A file is whole or as it was."""

import pytest

from seq2seq_lib.files import write_atomically


def test_a_file_is_replaced_and_nothing_stays_beside_it(tmp_path):
    path = tmp_path / "deep" / "numbers.txt"
    for text in ("one", "two"):
        write_atomically(path, lambda partial, text=text: partial.write_text(text))
        assert path.read_text() == text
    assert [p.name for p in path.parent.iterdir()] == ["numbers.txt"]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failure_leaves_the_file_as_it_was(tmp_path, error):
    path = tmp_path / "numbers.txt"
    path.write_text("whole")

    def fail(partial):
        partial.write_text("half")
        raise error

    with pytest.raises(error):
        write_atomically(path, fail)
    assert path.read_text() == "whole"
    assert [p.name for p in tmp_path.iterdir()] == ["numbers.txt"]
