"""Of several notebooks of one student: which one counts, and what is said about it.

Copies are one. What is of another assignment, cannot be read, or is still as it was handed
out does not count beside one that was worked on. Of those that remain, the one that is
called as the assignment is counts, and of ``A1``, ``A1 (1)``, ``A1-1`` the highest number,
which browsers and Canvas give. Where that leaves two, a person has to decide.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from assignments.files import File
from assignments.names import is_named, listed, shown, stem
from assignments.notebook import Cell, cells, defined, wrong_assignment
from assignments.registry import exercises
from assignments.submissions import Submission
from assignments.written import handed_out

NUMBER = re.compile(r"(?: \((\d{1,4})\)|-(\d{1,4}))$")
STUB = re.compile(r"# YOUR CODE HERE\s+raise NotImplementedError\(\)\s*\Z")


@dataclass(frozen=True)
class _Version:
    file: File
    sources: tuple[tuple[str, str], ...] = ()
    against: str = ""  # why it does not count


def chosen(submission: Submission, assignment: str) -> Submission:
    """The submission with the one notebook that counts, and a note; or with a problem."""
    if submission.problem or len(submission.files) < 2:
        return submission
    versions = _without_copies([_looked_at(f, assignment) for f in submission.files])
    left = [version for version in versions if not version.against]
    if not left:  # none is good: the one that is called so says why
        left = [v for v in versions if is_named(v.file.name, assignment)] or versions
        left = left[:1] if len({v.against for v in versions}) == 1 else left
    if len(left) > 1:
        left = _by_name(left, assignment)
    if len(left) > 1:
        names = listed([version.file.name for version in left])
        return replace(
            submission,
            files=(),
            problem=f"There are several notebooks, {names}; keep the one that counts.",
        )
    (one,) = left
    others = [v for v in versions if v is not one]
    note = submission.note
    if others:
        why = [f"{shown(v.file.name)}{f' ({v.against})' * bool(v.against)}" for v in others]
        more = f" and {len(why) - 4} more" if len(why) > 4 else ""
        note += f" {shown(one.file.name)} was graded, and not {', '.join(why[:4])}{more}."
    return replace(submission, files=(one.file,), note=note.strip())


def _looked_at(file: File, assignment: str) -> _Version:
    try:
        found = cells(file.read())
    except (ValueError, OSError):
        return _Version(file, against="cannot be read")
    sources = tuple(
        (cell.kind, cell.source.strip()) for cell in found if cell.source.strip()
    )
    against = ""
    if wrong_assignment(found, assignment):
        against = "another assignment"
    elif _is_untouched(found, assignment):
        against = "as it was handed out"
    return _Version(file, sources, against)


def _is_untouched(found: Sequence[Cell], assignment: str) -> bool:
    """Whether nothing in a notebook answers anything."""
    given = {cell.source.strip() for cell in handed_out(assignment)}
    new = [c for c in found if c.source.strip() and c.source.strip() not in given]
    if not new:
        return True
    # A hand-out of an earlier term has other words, but its answers are as empty.
    marked = [cell for cell in new if cell.grade_id and not cell.is_test]
    wanted = {name for each in exercises(assignment).values() for name in each.answers}
    answers = [c for c in new if c.kind == "code" and wanted & defined(c)]
    lines = {line.strip() for source in given for line in source.splitlines()}
    return all(_is_empty(cell, lines) for cell in (*marked, *answers))


def _is_empty(cell: Cell, given: set[str]) -> bool:
    if cell.kind == "code":
        return bool(STUB.search(cell.source))
    return {line.strip() for line in cell.source.splitlines()} <= given | {""}


def _without_copies(versions: Sequence[_Version]) -> list[_Version]:
    """The first of those that hold the same cells; those that cannot be read stay."""
    kept: dict[object, _Version] = {}
    for version in versions:
        kept.setdefault(version.sources or version.file.name, version)
    return list(kept.values())


def _by_name(versions: Sequence[_Version], assignment: str) -> list[_Version]:
    """Those that count by their names: one, if the names decide."""
    families: dict[str, list[tuple[int, _Version]]] = {}
    for version in versions:
        name = stem(version.file.name)
        match = NUMBER.search(name)
        number = int(match[1] or match[2]) if match else 0
        base = name[: match.start()] if match else name
        families.setdefault(base.lower(), []).append((number, version))
    family = families.get(assignment.lower())
    if family is None and len(families) == 1:
        (family,) = families.values()
    if family is None:
        return list(versions)
    highest = max(number for number, _ in family)
    return [version for number, version in family if number == highest]
