"""Whether a code cell holds words that were written for a person.

In Python no two names stand side by side unless one is a keyword, so words in a row are a
comment, a text, or no Python at all. That is cheap to see, and tells an answer that was
typed into a code cell from code with its labels and short comments.
"""

import ast
import keyword

from assignments.notebook import Cell, parsed

SENTENCE = 8  # words beside another word, as a sentence of about ten words has
SHOWN_AS_TEXT = ("%%markdown", "%%latex", "%%html")
KEYWORDS = {*keyword.kwlist, *keyword.softkwlist}
_BEFORE, _BEHIND = "#\"'([*_>", "\"'.,;:!?)]*_"


def is_prose(cell: Cell, own: str) -> bool:
    """Whether something in a code cell may be an answer in words.

    Args:
        cell: the whole cell.
        own: those of its lines that a student wrote.
    """
    lines = [line for line in own.split("\n") if not line.lstrip().startswith(("!", "%"))]
    own = "\n".join(lines)
    if cell.source.startswith(SHOWN_AS_TEXT) or says_only(cell):
        return _pairs_of(own) > 0
    if cell.tree is not None:
        return longest(_without_docstrings(cell.tree, own, cell.python)) >= SENTENCE
    outside = "\n".join(line.split("#", 1)[0] for line in lines)
    return longest(outside) > 2 or longest(own) >= SENTENCE


def says_only(cell: Cell) -> bool:
    """Whether a code cell holds texts or comments, and computes nothing.

    Code behind a ``#`` is code.
    """
    if cell.tree is None:
        return False
    if not cell.tree.body:
        return not _is_python(cell.source.replace("#", ""))
    return all(map(_says, cell.tree.body))


def _says(node: ast.stmt) -> bool:
    """A statement that is a text, gives one a name, or hands one to a function."""
    value = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    while isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords:
        (value,) = value.args
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _is_python(text: str) -> bool:
    try:
        return bool(parsed("\n".join(map(str.strip, text.split("\n")))).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _without_docstrings(tree: ast.Module, own: str, source: str) -> str:
    """The student's lines without what functions and classes say of themselves."""
    lines, said = source.split("\n"), set[str]()
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting += [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and _says(first):
            said |= {each.strip() for each in lines[first.lineno - 1 : first.end_lineno]}
    return "\n".join("" if line.strip() in said else line for line in own.split("\n"))


def longest(text: str) -> int:
    """The most words beside others in lines that follow each other."""
    most = here = 0
    for line in text.split("\n"):
        pairs = _pairs_of(line)
        here = here + pairs if pairs else 0
        most = max(most, here)
    return most


def _pairs_of(text: str) -> int:
    """How often two words stand side by side; some scripts have no blanks between them."""
    parts = text.split()
    count = 0
    for one, other in zip(parts, parts[1:], strict=False):
        count += _is_word(one.lstrip(_BEFORE)) and _is_word(other.rstrip(_BEHIND))
    if not text.isascii():
        count += sum(c >= "\u0e00" and c.isalpha() for c in text) // 3
    return count


def _is_word(text: str) -> bool:
    plain = text.replace("-", "").replace("'", "").replace("\u2019", "")
    return plain.isalpha() and plain not in KEYWORDS
