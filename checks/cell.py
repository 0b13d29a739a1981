"""Run a student's cells as a notebook would, where nothing can be shown.

Every statement runs alone. One that fails costs what it would have defined and nothing
else: a line that tries an answer out may name what only the notebook has.
"""

import __future__

import ast
import asyncio
import inspect
import linecache
import re
import sys
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any


class Silent:
    """What stands for Jupyter: it can be asked for anything, and does nothing."""

    def getoutput(self, *_: Any, **__: Any) -> list[str]:
        """What ``x = !ls`` gives: no lines."""
        return []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Silent()

    def __call__(self, *_: Any, **__: Any) -> None:
        return None


class Namespace:
    """The names of a notebook, as its cells define them.

    Args:
        name: what its code finds as ``__name__``.
    """

    def __init__(self, name: str = "__answer__") -> None:
        # Dataclasses and others look a module up by its name.
        module = sys.modules[name] = ModuleType(name)
        self.names = vars(module)
        self.names |= {"_": None, "__": None, "display": Silent()}
        self.names |= {"get_ipython": Silent, "input": lambda *_: ""}
        self._flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, source: str, file: str) -> BaseException | None:
        """Run a cell to its end; returns the first thing that went wrong in it.

        Args:
            source: its Python code.
            file: the name of the file that it is said to stand in.

        Raises:
            SyntaxError: it is no Python.
        """
        lines = [line + "\n" for line in source.split("\n")]  # for inspect.getsource
        linecache.cache[file] = (len(source), None, lines, file)
        first = None
        for code in self._compiled(source, file):
            try:
                waiting = eval(code, self.names)
                if inspect.iscoroutine(waiting) and code.co_flags & inspect.CO_COROUTINE:
                    self._loop = self._loop or asyncio.new_event_loop()
                    self._loop.run_until_complete(waiting)
            except BaseException as error:
                first = first or error
        return first

    def _compiled(self, source: str, file: str) -> list[Any]:
        """The statements of a cell; none where one of them is no Python."""
        compiled = []
        for node in ast.parse(source, file).body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                for alias in node.names:
                    feature = getattr(__future__, alias.name, None)
                    self._flags |= getattr(feature, "compiler_flag", 0)
            one = ast.Module([node], [])
            compiled.append(
                compile(one, file, "exec", flags=self._flags, dont_inherit=True)
            )
        return compiled

    def chosen(self, wanted: Sequence[str]) -> Mapping[str, Any]:
        """Those of the names that are there."""
        return {name: self.names[name] for name in wanted if name in self.names}


# What Python 3.12 and later read, as far as one line of it shows.
_NEWER = re.compile(r"^\s*(?:(?:async\s+)?def\s+\w+\s*\[|class\s+\w+\s*\[|type\s+\w+.*=)")


def not_python(error: BaseException) -> str:
    """Why a cell cannot be run, in one sentence; empty for another kind of error."""
    if not isinstance(error, SyntaxError):
        return ""
    line = error.text or ""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    where = f"line {error.lineno} of it"
    newer = _NEWER.match(line) or str(error.msg).startswith("f-string")
    if newer and sys.version_info < (3, 12):
        return (
            f"Your cell is not Python {ours}, which grades it: {where} ({error.msg}) "
            "needs a newer Python (3.12), or is a mistake; write it so that both read it."
        )
    return f"Your cell is not Python: {error.msg} in {where}."
