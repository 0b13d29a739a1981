"""Text files as people have them: what is mended silently, and what is told."""

import gzip

import pytest
from small_program import write

from seq2seq_lib.translate.lines import LONGEST, prepare, read_lines, read_pairs


def test_a_line_has_one_spelling():
    assert (
        prepare("A\u00a0 ma\u0308n\u00adner \t▁x\u2028y ", lowercase=True)
        == "a männer _x y"
    )
    assert prepare("Ab", lowercase=False) == "Ab"


@pytest.mark.parametrize("compressed", [False, True])
def test_ends_of_windows_and_a_mark_at_the_beginning_are_no_text(tmp_path, compressed):
    content = "\ufeffone\r\ntwo\n\nthree".encode()
    path = tmp_path / "text"
    path.write_bytes(gzip.compress(content) if compressed else content)
    assert list(read_lines(path)) == ["one", "two", "", "three"]


def test_what_is_wrong_with_a_file_is_told_with_its_line(tmp_path):
    bad = tmp_path / "bad"
    for content, told in (
        (b"one\ntw\xe4\n", f"{bad}, line 2 is not UTF-8 .byte 3 is 0xe4.; save"),
        (b"one\n" + b"x " * LONGEST, f"{bad}, line 2 has more than 20,000 characters"),
        ("ä".encode() * 3 * LONGEST, f"{bad}, line 1 has more than"),
        ("one\n".encode("utf-16"), "is in UTF-16; save it as UTF-8"),
        (gzip.compress(b"one\ntwo\n" * 900)[:-20], "is damaged after line"),
        (gzip.compress(b"one\n")[:4], "is damaged after line 0"),
    ):
        bad.write_bytes(content)
        with pytest.raises(ValueError, match=told):
            list(read_lines(bad))
    with pytest.raises(ValueError, match="There is no file .*nobody; check"):
        list(read_lines(tmp_path / "nobody"))
    with pytest.raises(ValueError, match="cannot be read"):
        list(read_lines(tmp_path))


def test_a_long_file_without_ends_is_not_read_whole(tmp_path, monkeypatch):
    path = tmp_path / "long"
    path.write_bytes(b"x" * 50_000_000)
    sizes = []
    monkeypatch.setattr(
        "seq2seq_lib.translate.lines._decoded",
        lambda line, *where: sizes.append(len(line)) or 1 / 0,
    )
    with pytest.raises(ZeroDivisionError):
        next(read_lines(path))
    assert sizes == [4 * LONGEST + 2]


def test_pairs_are_lines_that_belong_together(tmp_path):
    src, tgt = write(tmp_path / "s", ["A b", "c"]), write(tmp_path / "t", ["D", "E  f"])
    assert list(read_pairs(src, tgt)) == [("A b", "D"), ("c", "E f")]
    assert list(read_pairs(src, tgt, lowercase=True))[0] == ("a b", "d")


@pytest.mark.parametrize(
    ("sources", "targets", "told"),
    [
        (["a", "b", "c"], ["x", "y"], "s has 3 lines and .*t has 2; line by line"),
        (["a"], ["x", "y"], "s has 1 lines and .*t has 2"),
        (["a", " \u00ad"], ["x", "y"], "s, line 2 is empty; fill or remove"),
        (["a", "b"], ["", "y"], "t, line 1 is empty"),
        ([], [], "hold no pair of lines .0 lines"),
        (["a", "b", "c"], ["a", "b", "x"], "In 2 of 3 pairs .* the target repeats"),
    ],
)
def test_files_that_do_not_belong_together_are_told(tmp_path, sources, targets, told):
    src, tgt = write(tmp_path / "s", sources), write(tmp_path / "t", targets)
    with pytest.raises(ValueError, match=told):
        list(read_pairs(src, tgt))


def test_one_file_twice_is_told(tmp_path):
    src = write(tmp_path / "s", ["a"])
    (tmp_path / "t").symlink_to(src)
    with pytest.raises(ValueError, match="Source and target are one file"):
        list(read_pairs(src, tmp_path / "t"))


def test_empty_lines_and_equal_sides_can_be_allowed(tmp_path):
    src, tgt = write(tmp_path / "s", ["a", ""]), write(tmp_path / "t", ["a", "x"])
    assert list(read_pairs(src, tgt, skip_empty=True, allow_equal=True)) == [("a", "a")]
