"""The surroundings in which every notebook runs.

A reader's own Jupyter, IPython and Matplotlib settings must not change the book, so
kernels get settings of their own, kept beside the packages in `.venv`. Running this
module (`python -m tools.environment`) prepares them once, after an install.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# A sum over many numbers depends on how many threads share it. One everywhere, so that a
# laptop and a server print the same digits; models of this size gain nothing by a second.
THREADS = "1"

_HOME = Path(sys.prefix) / "share" / "book"
_KERNEL_FILE = _HOME / "ipython" / "profile_default" / "ipython_kernel_config.json"

# A page takes a figure as a drawing, or as a picture where the drawing is large. Two builds
# draw the same, so a drawing's inner names hang on its content and it has no date.
FIGURES = {
    "figure_formats": ["svg", "png"],
    "print_figure_kwargs": {"bbox_inches": "tight", "metadata": {"Date": None}},
}
MATPLOTLIB = {"svg.hashsalt": "book"}

# A kernel that is spoken to on one machine only need not warn about that.
_KERNEL_CONFIG = {"IPKernelApp": {"log_level": "ERROR"}, "InlineBackend": FIGURES}

# Settings that would leak into a kernel.
_UNWANTED = (
    "JUPYTER_PATH",
    "MATPLOTLIBRC",
    "MPLBACKEND",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "SEQ2SEQ_STATIC",
)


def book_environment(*, static: bool) -> dict[str, str]:
    """The environment variables for a process that runs notebooks.

    ``static`` is for a built page, where widgets have no kernel and draw a figure instead.
    """
    env = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
    env |= {
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "PYTHONUTF8": "1",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "OMP_NUM_THREADS": THREADS,
        "MKL_NUM_THREADS": THREADS,
        # The kernel called "python3" is this environment's, not the user's.
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_CONFIG_DIR": str(_HOME / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(_HOME / "jupyter-data"),
        "IPYTHONDIR": str(_HOME / "ipython"),
        "MPLCONFIGDIR": str(_HOME / "matplotlib"),
    }
    return env | ({"SEQ2SEQ_STATIC": "1"} if static else {})


def apply(*, static: bool) -> None:
    """Give this process, and the kernels it starts, the book's environment."""
    if not _prepared():
        prepare()
    env = book_environment(static=static)
    os.environ.clear()
    os.environ.update(env)


def _prepared() -> bool:
    """Whether the settings are those of today's project."""
    try:
        return json.loads(_KERNEL_FILE.read_text()) == _KERNEL_CONFIG
    except (OSError, ValueError):
        return False


def prepare() -> None:
    """Write the settings of kernels and Matplotlib, and let it list its fonts.

    Without that, the first figure of the first chapter would carry a message about
    building the font cache.
    """
    command = [sys.executable, "-c", "import matplotlib.pyplot"]
    env = book_environment(static=False)
    matplotlib = Path(env["MPLCONFIGDIR"])
    matplotlib.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{key}: {value}\n" for key, value in MATPLOTLIB.items())
    (matplotlib / "matplotlibrc").write_text(lines)
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"Preparing the environment failed:\n{done.stderr}")
    _KERNEL_FILE.parent.mkdir(parents=True, exist_ok=True)
    _KERNEL_FILE.write_text(json.dumps(_KERNEL_CONFIG))


if __name__ == "__main__":
    prepare()
