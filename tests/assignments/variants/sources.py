"""The solutions, to write something around."""

from assignments import registry


def as_it_is(assignment: str, key: str) -> str:
    """The solution of an exercise."""
    return registry.solutions(assignment)[key]


def each_line(source: str, before: str, behind: str = "") -> str:
    """Every line with something in front of it and behind it."""
    return "\n".join(before + line + behind for line in source.split("\n"))
