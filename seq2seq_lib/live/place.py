"""How a piece stands in a page and in a notebook: something still, until it is loaded.

On a built page its parts are loaded from the folder ``live``. In a running notebook they
are put into a frame of their own, so that nothing has to be fetched.
"""

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seq2seq_lib.live.publish import HERE, PIECES, SHARED, STYLE
from seq2seq_lib.require import option
from seq2seq_lib.widgets import is_static

FROM_A_DISK = (
    "From a disk a browser loads no modules, so nothing can be typed or dragged here. Run "
    "`python -m http.server` in the folder of these pages and open localhost:8000."
)
PHONE = 600  # pixels; narrower ones have another look, see pieces.css


def _frame(
    name: str, data: Mapping[str, str], folder: Path | None, models: Sequence[str]
) -> str:
    """A page that holds everything, for the frame of a notebook."""
    scripts = "\n".join(
        re.sub(
            r"^import .*?;\n|^export ",
            "",
            (HERE / f"{script}.mjs").read_text(encoding="utf-8"),
            flags=re.M,
        )
        for script in (*SHARED, name)
    )
    parts = {}
    for model in models:
        assert folder is not None
        header = (folder / model).with_suffix(".json").read_text(encoding="utf-8")
        weights = base64.b64encode((folder / model).with_suffix(".f16").read_bytes())
        parts[model] = [json.loads(header), weights.decode()]
    given, trained = (json.dumps(each).replace("</", "<\\/") for each in (data, parts))
    style = (HERE / STYLE).read_text(encoding="utf-8")
    return (
        f"<!doctype html><meta charset='utf-8'><style>body{{font-family:sans-serif}}{style}"
        f"</style><div id='here'></div><script type='module'>{scripts}\n"
        f"const parts = {trained};\n"
        "const bytes = (text) =>"
        " Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;\n"
        "const model = async (name) => fromHalves(parts[name][0], bytes(parts[name][1]));\n"
        f"start(document.getElementById('here'), {given}, model);</script>"
    )


def piece(
    name: str,
    data: Mapping[str, str],
    inside: str,
    room: tuple[int, int],
    folder: Path | None = None,
    models: Sequence[str] = (),
) -> Any:
    """A piece of ``PIECES`` as the value of a cell.

    Args:
        name: of the piece, and of its file.
        data: what it is started with.
        inside: what stands there until it is loaded, as HTML.
        room: how high it is in rem, on a page and on a phone; so much is kept free, so
            that the text below does not jump.
        folder, models: where ``export`` wrote the models that it runs, and their names.

    Raises:
        ValueError: there is no such piece.
    """
    from IPython.display import HTML

    option("piece", name, PIECES)
    if not is_static():
        page = html.escape(_frame(name, data, folder, models), quote=True)
        return HTML(
            f'<div><iframe title="{name}" srcdoc="{page}" width="100%" '
            f'height="{16 * room[0] + 100}" style="border:0"></iframe></div>'
        )
    given = " ".join(f'data-{key}="{html.escape(data[key], quote=True)}"' for key in data)
    return HTML(
        f'<div class="live-place" data-piece="{name}" {given}>{inside}</div>\n'
        "<script>document.currentScript.previousElementSibling.style.minHeight = "
        f"innerWidth < {PHONE} ? '{room[1]}rem' : '{room[0]}rem'</script>\n"
        '<script type="module">const root = document.documentElement.dataset.content_root'
        ' ?? "./"; import(new URL(`${root}live/start.mjs`, location.href))'
        ".then((live) => live.start()).catch(() => { if (location.protocol === 'file:')"
        " for (const wait of document.querySelectorAll('.live-wait'))"
        f" wait.textContent = {json.dumps(FROM_A_DISK)}; }});</script>"
    )


def wait(what: str) -> str:
    """What stands there for readers without JavaScript, below a figure that stays."""
    return f"<p class='live-wait'>With JavaScript you can {what} here.</p>"
