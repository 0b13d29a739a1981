"""Which hand-out of an assignment a notebook was made from, and which questions it has.

A question that comes into an assignment later begins a new *edition*. Notebooks of an
earlier one are graded without it: they keep their questions, their points and their total.
The first edition is 1, and its marks do not say so; from the second on, every marked cell
of the source has the number in its metadata, as ``edition``, and so has every hand-out.

A deleted cell takes no question away, because the other cells still say which edition
they are of. Who makes a notebook look older than it is gives the later points away, and
gets nothing for it: a class has the questions of the latest edition in it. And so that
nobody raises the total of a class by a word, a name of a later question speaks for its
edition only in a notebook without any mark.
"""

from collections.abc import Sequence

from assignments.notebook import Cell, defined
from assignments.registry import exercises

# The edition that a question came with, where that is not the first.
SINCE = {"A1": {"promise": 2}}
# Words of a hand-out that no later one has, for notebooks that have lost every mark.
WORDS = {"A1": {1: "15 for three written questions: 55 in all."}}


def since(assignment: str, key: str) -> int:
    """The first edition that has a question."""
    return SINCE.get(assignment, {}).get(key, 1)


def latest(assignment: str) -> int:
    """Today's edition."""
    return max(SINCE.get(assignment, {}).values(), default=1)


def edition(found: Sequence[Cell], assignment: str) -> int:
    """The edition of a notebook: the latest that anything in it speaks for.

    Args:
        found: its cells; a student may have written them, marks included.
    """
    today, said = latest(assignment), []
    for cell in found:
        if cell.grade_id.startswith(f"{assignment}-"):
            said.append(cell.edition if 1 <= cell.edition <= today else today)
    has_marks = bool(said)
    if not has_marks:
        words = WORDS.get(assignment, {})
        said = [n for n in words if any(words[n] in cell.source for cell in found)]
    for key, number in SINCE.get(assignment, {}).items():
        # A name may be anybody's: it speaks only where no mark does.
        names = set() if has_marks else set(exercises(assignment)[key].answers)
        marks = {f"{assignment}-{key}", f"{assignment}-{key}-test"}
        if any(cell.grade_id in marks or names & defined(cell) for cell in found):
            said.append(number)
    return max(said, default=today)
