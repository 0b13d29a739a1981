"""An explorer on a page: a precomputed example, which the living one replaces.

On a built page the parts are loaded from the folder ``live``. In a running notebook they
are put into a frame of their own, so that nothing has to be fetched.
"""

import base64
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.live.publish import HERE, SCRIPTS, STYLE
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.require import require
from seq2seq_lib.vocab import Vocab
from seq2seq_lib.widgets import is_static

NAMES = {"fixed": "fixed context", "additive": "additive attention"}
FRAME_HEIGHT = 900  # pixels
ROOM = "44rem"  # kept free for the explorer, so that the text below it does not jump


def load(path: Path) -> tuple[Seq2Seq, Vocab, Vocab]:
    """A model that ``export`` wrote, and its vocabularies.

    Raises:
        FileNotFoundError: there is none at ``path``, which has no suffix.
        ValueError: the weights are not as long as the header says.
    """
    header = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    numbers = np.fromfile(path.with_suffix(".f16"), dtype="<f2")
    require(
        len(numbers) == header["size"],
        f"{path.with_suffix('.f16').name} has {len(numbers):,} weights, its header says "
        f"{header['size']:,}; write both again with `export`.",
    )
    vocabs = Vocab(header["src"]), Vocab(header["tgt"])
    sizes = len(vocabs[0]), len(vocabs[1])
    model = build_model(ModelConfig(*sizes, **header["config"]))
    found = {}
    for tensor in header["tensors"]:
        end = tensor["start"] + int(np.prod(tensor["shape"]))
        values = numbers[tensor["start"] : end].astype(np.float32)
        found[tensor["name"]] = torch.from_numpy(values).reshape(tensor["shape"])
    model.load_state_dict(found)
    return model, *vocabs


def _row(name: str, answer: Translation, wanted: tuple[str, ...]) -> str:
    verdict = "right" if answer.tokens == wanted else "wrong"
    said = html.escape(" ".join(answer.tokens))
    return (
        f"<tr><th scope='row'>{html.escape(NAMES.get(name, name))}</th>"
        f"<td lang='de'>{said}</td><td>{verdict}</td></tr>"
    )


def still(folder: Path, models: tuple[str, ...], n: int) -> str:
    """What stands on the page until the living explorer does: one number, translated."""
    from seq2seq_lib.tasks.numbers import Numbers

    example = Numbers().example(n)
    rows = []
    for name in models:
        model, src_vocab, tgt_vocab = load(folder / name)
        (answer,) = translate(model, [example.src], src_vocab, tgt_vocab)
        rows.append(_row(name, answer, example.tgt))
    return (
        f"<table><caption>{n:,}: {' '.join(example.src)}</caption>{''.join(rows)}</table>"
        "<p class='live-wait'>Here you can type a number of your own as soon as the "
        "models are loaded; that takes JavaScript.</p>"
    )


def _frame(folder: Path, models: tuple[str, ...], n: int) -> str:
    """A page that holds everything, for the frame of a notebook."""
    scripts = "\n".join(
        re.sub(r"^import .*?;\n|^export ", "", (HERE / name).read_text("utf-8"), flags=re.M)
        for name in SCRIPTS
    )
    parts = []
    for name in models:
        header = (folder / name).with_suffix(".json").read_text(encoding="utf-8")
        weights = base64.b64encode((folder / name).with_suffix(".f16").read_bytes())
        parts.append([json.loads(header), weights.decode()])
    data = json.dumps(parts).replace("</", "<\\/")
    return (
        f"<!doctype html><style>body{{font-family:sans-serif}}"
        f"{(HERE / STYLE).read_text('utf-8')}</style><div id='here'></div>"
        f"<script type='module'>{scripts}\nconst models = {data}.map(([header, text]) =>"
        " new Model(header, Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer));\n"
        f"mount(document.getElementById('here'), models, '{n}');</script>"
    )


def explorer(folder: Path, models: tuple[str, ...], n: int) -> Any:
    """Models that translate number words while one types, to be shown as a cell's value.

    Args:
        folder: where ``export`` wrote the models.
        models: their names; the first is the one that can be looked into.
        n: the number that stands there at first.

    Raises:
        FileNotFoundError, ValueError: as ``load``.
    """
    from IPython.display import HTML

    inside = still(folder, models, n)
    if not is_static():
        page = html.escape(_frame(folder, models, n), quote=True)
        return HTML(
            f'<div><iframe title="attention explorer" srcdoc="{page}" width="100%" '
            f'height="{FRAME_HEIGHT}" style="border:0"></iframe></div>'
        )
    names = html.escape(" ".join(models), quote=True)
    return HTML(
        f'<div class="live-place" data-models="{names}" data-typed="{n}">{inside}</div>\n'
        f"<script>document.currentScript.previousElementSibling.style.minHeight = "
        f"'{ROOM}'</script>\n"
        '<script type="module">const root = document.documentElement.dataset.content_root'
        ' ?? "./"; import(new URL(`${root}live/start.mjs`, location.href))'
        ".then((live) => live.start());</script>"
    )
