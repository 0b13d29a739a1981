"""2 · Sure links and possible links."""

from collections.abc import Callable, Iterator

from a4_exercises.links import set_of
from checks.differences import wrong_number
from checks.exercise import Answer, Case, Criterion, Inputs, Student

ANSWERS = ("error_rate",)


def run(student: Student, inputs: Inputs) -> Answer:
    names = ("found", "sure", "possible")
    return student.error_rate(*([set_of(links) for links in inputs[n]] for n in names))


def kind(inputs: Inputs) -> str:
    """What a case is about: links that are sure, some that are possible, or a corpus."""
    if len(inputs["found"]) > 1:
        return "corpus"
    return "sure" if len(inputs["sure"][0]) == len(inputs["possible"][0]) else "possible"


def is_about(what: str) -> Callable[[Inputs], bool]:
    return lambda inputs: kind(inputs) == what


# The rates of the examples: wrong ones, and what leads to them.
KNOWN = {
    2 / 5: [
        (1 / 4, "this is 1 - precision, and the gold links count too."),
        (1 / 2, "this is 1 - recall, and the links found count too."),
        (3 / 5, "this is the share that agrees, not the error."),
        (7 / 10, "a sure link that was found agrees with S and with P."),
    ],
    3 / 8: [
        (2 / 5, "this is 1 - precision, and the sure links count too."),
        (3 / 5, "this counts a link that is only possible as a mistake."),
        (1 / 3, "this is 1 - recall; look at P as well."),
        (7 / 12, "P is in the denominator, where S belongs."),
        (1 / 2, "S and P are treated alike, but only S has to be found."),
        (5 / 8, "this is the share that agrees, not the error."),
    ],
    3 / 13: [(11 / 27, "this is the mean of the sentences' rates; add up first.")],
}


def judge_aer(inputs: Inputs, answer: Answer, expected: Answer) -> str | None:
    return wrong_number(answer, expected, "The error rate", KNOWN.get(expected, ()))


def examples() -> Iterator[Case]:
    sure = [(0, 0), (1, 2), (2, 1), (2, 2), (3, 1), (4, 3)]
    found = [(0, 0), (1, 2), (2, 1), (3, 3)]
    yield Case({"found": [found], "sure": [sure], "possible": [sure]}, 2 / 5)
    yield Case(
        {
            "found": [[(0, 0), (1, 1), (2, 2), (3, 1), (4, 0)]],
            "sure": [[(0, 0), (1, 1), (3, 2)]],
            "possible": [[(0, 0), (1, 1), (3, 2), (2, 2), (2, 3), (4, 2), (4, 3)]],
        },
        3 / 8,
    )
    yield Case(
        {
            "found": [
                [(0, 1), (1, 0)],
                [(0, 0), (1, 2), (2, 2), (3, 1), (4, 3)],
                [(0, 1)],
            ],
            "sure": [[(0, 1)], [(0, 0), (1, 2), (3, 3), (4, 3)], []],
            "possible": [
                [(0, 1), (1, 0)],
                [(0, 0), (1, 2), (2, 2), (3, 2), (3, 3), (4, 3)],
                [(0, 0), (1, 1)],
            ],
        },
        3 / 13,
    )


one_sentence = Criterion(
    "one sentence, every gold link sure", 2, judge_aer, cases=is_about("sure")
)
possible_links = Criterion(
    "possible links excuse, and are not owed", 2, judge_aer, cases=is_about("possible")
)
one_rate = Criterion(
    "one rate for the whole corpus", 1, judge_aer, cases=is_about("corpus")
)
