"""Formulas are set by MathJax in parts, which lie beside the pages.

The extension that brings MathJax names its file with everything, menu included. A page
needs a third less: `_config.yml` lists the parts, and here the file is named that loads
them.
"""

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config


def _begin_with_the_loader(app: Sphinx, config: Config) -> None:
    config.mathjax_path = "mathjax/startup.js"


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls; by the time of the event every extension has had its say."""
    app.connect("config-inited", _begin_with_the_loader, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
