"""Number words in the page are those of the library, with their alignment."""

import random

import pytest
from touch import ask, needs_node

from seq2seq_lib.tasks.numbers import Numbers

TASK = Numbers()
pytestmark = needs_node


def some_numbers() -> list[int]:
    """All small ones, all round ones, and 3,000 of any size."""
    rng = random.Random(3)
    round_ones = [k * 10**e for k in range(1, 22) for e in range(11)]
    ones = [v * 1000**g + 1 for v in (1, 2, 21, 100, 101, 111, 121) for g in (1, 2, 3)]
    drawn = [rng.randrange(1, 10 ** rng.randint(3, 12)) for _ in range(3000)]
    return [*range(1, 1200), *round_ones, *ones, *drawn, 999_999_999_999]


def test_words_and_links_are_those_of_the_library():
    numbers = some_numbers()
    for n, said in zip(numbers, ask("numbers", numbers=numbers), strict=True):
        example = TASK.example(n)
        assert (tuple(said["src"]), tuple(said["tgt"])) == (example.src, example.tgt), n
        assert {tuple(link) for link in said["links"]} == example.alignment, n
        assert said["value"] == n


@pytest.mark.parametrize(
    "text, n, words",
    [
        ("21", 21, 2),
        ("914,327", 914_327, 10),
        (" 1 000 005 ", 1_000_005, 4),
        ("Twenty-one", 21, 2),
        ("nine  hundred\nand five", 905, 4),
        ("twenty twenty", None, 2),
        ("hundred", None, 1),
        ("and and", None, 2),
        ("<b>one</b>", None, 1),
        ("\N{GRINNING FACE}", None, 1),
    ],
)
def test_what_is_typed_is_read(text, n, words):
    found = ask("read", text=text)
    assert (found["n"], len(found["words"]), found["error"]) == (n, words, "")


@pytest.mark.parametrize(
    "text, told",
    [
        ("", "Type a number"),
        ("   ", "Type a number"),
        ("000", "smallest"),
        ("1" * 13, "Twelve digits"),
        ("one " * 500, "500 words"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(text, told):
    found = ask("read", text=text)
    assert told in found["error"] and found["words"] == []
