"""Written answers: every word that a student added to a notebook, question by question."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from itertools import takewhile
from pathlib import Path

import nbformat

from assignments.editions import edition, since
from assignments.handout import student_version
from assignments.notebook import Cell, cells
from assignments.prose import is_prose, says_only
from assignments.registry import exercises, source_notebook
from assignments.text import clean

# Within one line: across lines it would take quadratic time on an answer of empty lines.
PLACEHOLDER = re.compile(r"^[ \t*_>#]*YOUR ANSWER HERE[ \t*_.]*$", re.MULTILINE)
# Pasted into the text; further lines are long or the last, so that no word is taken.
PICTURE = re.compile(
    r"data:[\w.+-]{1,99}/[\w.+-]{1,99}(?:;[\w=.-]{1,99}){0,4};base64,[A-Za-z0-9+/=]{64,}"
    r"(?:\s{1,9}[A-Za-z0-9+/]{60,}={0,2})*(?:\s{1,9}[A-Za-z0-9+/]{1,99}={1,2})?"
)
# A button that a service puts above a notebook is no word of the student's.
TAG = re.compile(r"<[^<>]*>")
ELSEWHERE = "[Elsewhere in the notebook:]"


@dataclass(frozen=True)
class Written:
    """What a student wrote for one question.

    Args:
        text: empty where there is nothing.
        note: where it was found, if not in the cell that asks for it alone.
        places: the cells that it stood in, by their numbers.
        start: the number of the question's cell; -1 where it is gone.
    """

    text: str = ""
    note: str = ""
    places: dict[int, str] = field(default_factory=dict)
    start: int = -1


@dataclass(frozen=True)
class _HandedOut:
    """What students got of an assignment."""

    cells: tuple[Cell, ...]
    texts: frozenset[str]  # of whole cells, but for those to be filled in
    lines: frozenset[str]  # of this hand-out and of earlier ones
    written: tuple[str, ...]  # the keys of written questions


@cache
def handed_out(assignment: str) -> tuple[Cell, ...]:
    """Every cell that students got."""
    notebook = student_version(source_notebook(assignment))
    return tuple(cells(nbformat.writes(notebook).encode()))


@cache
def _handed_out(assignment: str) -> _HandedOut:
    ours, coded = handed_out(assignment), exercises(assignment)
    earlier = Path(__file__).with_name("earlier_words.txt").read_text(encoding="utf-8")
    texts = [cell.source.strip() for cell in ours]
    return _HandedOut(
        ours,
        frozenset(t for t in texts if not PLACEHOLDER.search(t)) - {""},
        frozenset(line.strip() for t in (*texts, earlier) for line in t.split("\n")),
        tuple(
            key
            for cell in ours
            if (key := cell.grade_id.removeprefix(f"{assignment}-")) and key not in coded
            if PLACEHOLDER.search(cell.source)
        ),
    )


def written(found: Sequence[Cell], assignment: str, key: str) -> Written:
    """Everything that answers a written question, or may answer it.

    That is what a student added from the last cell above its mark that was handed out, the
    question as a rule, to the next such cell below. Where the mark is lost, it is what
    follows the question. Whatever stands in the marked cell counts, code included; of other
    code, what holds words.

    What a student wrote elsewhere belongs to no question, and a person has to see it: it
    is added to every question that would have no words, and where each has some, to the
    one that it stands below.
    """
    return _all_written(tuple(found), assignment)[key]


@lru_cache(maxsize=1)
def _all_written(found: tuple[Cell, ...], assignment: str) -> dict[str, Written]:
    given, its = _handed_out(assignment), edition(found, assignment)
    answers = {key: _in_place(found, assignment, key) for key in given.written}
    asked = [key for key in answers if since(assignment, key) <= its]
    taken = {i for answer in answers.values() for i in answer.places}
    known = {text for answer in answers.values() for text in answer.places.values()}
    left: dict[str, int] = {}
    for i, cell in enumerate(found):
        text = "" if i in taken else _unclaimed(cell, assignment, given)
        if text and text not in known:
            left.setdefault(text, i)
    empty = [key for key in asked if not answers[key].text]
    starts = sorted((answers[key].start, key) for key in asked)
    for text, i in left.items() if asked else ():
        above = [key for start, key in starts if start <= i] or [starts[0][1]]
        for key in empty or above[-1:]:
            answers[key] = _with(answers[key], text)
    return answers


def _with(answer: Written, text: str) -> Written:
    """An answer, and words that belong to no question."""
    if not answer.text:
        note = "nothing stood in its cell; this was found elsewhere, and may answer others"
        return replace(answer, text=text, note=note)
    if "elsewhere" in answer.note:
        return replace(answer, text=f"{answer.text}\n\n{text}")
    note = "what stood elsewhere in the notebook comes last"
    notes = "; ".join(filter(None, (answer.note, note)))
    return replace(answer, text=f"{answer.text}\n\n{ELSEWHERE}\n\n{text}", note=notes)


def _unclaimed(cell: Cell, assignment: str, given: _HandedOut) -> str:
    """The words of a cell that is no written question's; of code, what holds any."""
    source = cell.source.strip()
    if not source or source in given.texts:
        return ""
    text = _without(source, given.lines)
    if cell.kind == "code":
        # The code of an exercise is graded, and what it says of itself belongs to it.
        coded = cell.grade_id.removeprefix(f"{assignment}-") in exercises(assignment)
        if (coded and cell.tree is not None) or not is_prose(cell, text):
            return ""
        return _plain(source)  # with the code, which the words may speak of
    return text if any(map(str.isalnum, TAG.sub("", text))) else ""


def _in_place(found: Sequence[Cell], assignment: str, key: str) -> Written:
    """What stands where a question asks for it."""
    given, mark = _handed_out(assignment), f"{assignment}-{key}"
    at = next(i for i, cell in enumerate(given.cells) if cell.grade_id == mark)
    own, asking = given.cells[at], given.cells[at - 1] if at else Cell("", "")
    ids = {c.id: c.source for c in given.cells if c.id and c.grade_id != mark}
    marked = [i for i, cell in enumerate(found) if cell.grade_id == mark]

    def is_ours(cell: Cell) -> bool:
        other = cell.grade_id and cell.grade_id != mark
        return bool(other or cell.id in ids or cell.source.strip() in given.texts)

    def added(cell: Cell) -> str:
        """What a student wrote into a cell."""
        source = cell.source.strip()
        if cell.grade_id == mark:
            text = _own_lines(source, asking.source, own.source)
            return text or _own_lines(source, own.source)  # a question in its answer
        if source in given.texts or cell.grade_id:
            return ""
        text = _own_lines(source, asking.source, own.source, ids.get(cell.id, ""))
        return text if _may_answer(cell, text) else ""

    start = marked or [i for i, c in enumerate(found) if c.id == own.id]
    start = start or [i for i, cell in enumerate(found) if _is_same(cell, asking)][:1]
    around = set[int]()
    for i in start:
        if i not in around:
            around.update(_around(found, i, is_ours))
    places = {i: text for i in sorted(around) if (text := added(found[i]))}
    parts = dict.fromkeys(places.values())  # halves, not copies
    if not marked:
        note = "its cell had lost its mark"
    elif len([i for i in places if i in marked]) > 1:
        note = "it was in several cells with the same mark"
    else:
        note = _elsewhere([i - marked[0] for i in places if i not in marked])
    first = start[0] if start else -1
    return Written("\n\n".join(parts), note if parts else "", places, first)


def _may_answer(cell: Cell, own: str) -> bool:
    """Whether a cell beside an answer's may hold a part of it; of code, what says words."""
    return cell.kind != "code" or not cell.body or says_only(cell) or is_prose(cell, own)


def _is_same(cell: Cell, other: Cell) -> bool:
    return cell.id == other.id or cell.source.strip() == other.source.strip()


def _around(
    found: Sequence[Cell], at: int, is_ours: Callable[[Cell], bool]
) -> Iterator[int]:
    """The cells around one, up to the first that was handed out above it and below it."""
    for i in range(at, -1, -1):
        yield i
        if is_ours(found[i]):
            break
    yield from takewhile(lambda i: not is_ours(found[i]), range(at + 1, len(found)))


def _elsewhere(distances: Sequence[int]) -> str:
    """Where an answer stood that is not in its own cell alone."""
    found = {"above": min, "below": max}
    sides = [name for name, end in found.items() if end([0, *distances])]
    return f"part of it stood in the cell {' and the one '.join(sides)}" if sides else ""


def _own_lines(source: str, *given: str) -> str:
    """What a student added to a cell, without the lines that stood there."""
    lines = (line.strip() for line in _plain("\n".join(given)).split("\n"))
    return _without(source, frozenset(lines))


def _without(source: str, given: frozenset[str]) -> str:
    """The lines of a cell that were not handed out."""
    lines = _plain(source).split("\n")
    return "\n".join(line for line in lines if line.strip() not in given - {""}).strip()


def _plain(source: str) -> str:
    """A cell's text without the placeholder, pictures and what no file can hold."""
    text = PICTURE.sub("[a picture]", PLACEHOLDER.sub("", source))
    text = text.replace("YOUR ANSWER HERE", "")
    return readable(text).strip()


def readable(text: str) -> str:
    """Text on several lines, without half characters and control characters."""
    return clean(text, len(text), lines=True)
