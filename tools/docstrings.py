"""The library's docstrings as pages: what autodoc and napoleon leave open.

An extension of Sphinx, named in _config.yml. In a docstring an equation is an indented
paragraph, as one writes it down. reStructuredText would take it for a quotation and run
its lines together, so here it becomes a block of its own.
"""

from typing import Any

from sphinx.application import Sphinx


def with_equations(lines: list[str]) -> list[str]:
    """A docstring in which every indented paragraph is set as it is written.

    Descriptions of arguments follow their heading without a blank line: they are none.
    """
    result: list[str] = []
    inside = False
    for line in lines:
        if line[:1] == " ":
            if not inside and result and not result[-1].strip():
                result += [".. code-block:: text", ""]
                inside = True
        elif line.strip():
            inside = False
        result.append(line)
    return result


def _set_equations(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]
) -> None:
    lines[:] = with_equations(lines)


def _skip(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out what nobody wrote: the fields of a NamedTuple stand among its arguments."""
    doc = str(getattr(obj, "__doc__", ""))
    return True if doc.startswith("Alias for field number") else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", _set_equations, priority=400)  # napoleon: 500
    app.connect("autodoc-skip-member", _skip)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
