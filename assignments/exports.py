"""What learning systems call the files that they export, and whose these are.

Each system puts the student and the submission before the name that the student chose, so
no chosen name can make a file another's.
"""

import re
from dataclasses import dataclass

from assignments.names import shown

MOODLE = re.compile(
    r"(?P<who>.+?_\d+)_assignsubmission_(?P<part>[a-z]+)(?:_(?P<file>.*))?", re.S
)
CANVAS = re.compile(
    r"(?!\d+_)(?P<who>[^_]+)(?:_LATE)?_(?P<id>\d{3,})_\d{3,}_(?P<file>.+)", re.S
)
BLACKBOARD = re.compile(
    r"(?P<who>.+?)_attempt_(?P<time>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.txt)", re.S
)
LONGEST = 1000  # characters of a name that is looked at
GRADESCOPE = re.compile(r"submission_\d+")


@dataclass(frozen=True)
class Owner:
    """Whose an entry of an export is.

    Args:
        student: as the grades name them.
        file: the name that the student gave it; empty for a folder.
        attempt: when it was handed in, where the system keeps several.
        typed: whether it was typed into the system, or is the system's receipt.
    """

    student: str
    file: str = ""
    attempt: str = ""
    typed: bool = False

    @property
    def is_text(self) -> bool:
        """Whether it may hold words of the student's."""
        return self.typed and not self.attempt


def owner(name: str, assignment: str) -> Owner | None:
    """Whose an entry is, if a system that we know has given it its name."""
    if len(name) > LONGEST:
        return None
    if match := MOODLE.fullmatch(name):
        file = match["file"] or ""
        return Owner(shown(match["who"], 1100), file, typed=match["part"] == "onlinetext")
    if match := BLACKBOARD.fullmatch(name):
        who, title = match["who"], f"{assignment}_"
        if who.lower().startswith(title.lower()) and who[len(title) :]:
            who = who[len(title) :]
        typed = match["file"] is None
        return Owner(shown(who, 1100), match["file"] or "", match["time"], typed)
    if match := CANVAS.fullmatch(name):
        return Owner(shown(f"{match['who']}_{match['id']}", 1100), match["file"])
    if GRADESCOPE.fullmatch(name):
        return Owner(name)
    return None
