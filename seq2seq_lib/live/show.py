"""Pieces of a page that one can touch: something still first, which the living replaces.

On a built page the parts are loaded from the folder ``live``. In a running notebook they
are put into a frame of their own, so that nothing has to be fetched.
"""

import base64
import html
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.live.publish import HERE, PIECES, SHARED, STYLE
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.require import option, require
from seq2seq_lib.vocab import Vocab
from seq2seq_lib.widgets import is_static

NAMES = {"fixed": "fixed context", "additive": "additive attention"}


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


def still(folder: Path, models: Sequence[str], n: int) -> str:
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
        "const model = async (name) => new Model(parts[name][0], bytes(parts[name][1]));\n"
        f"start(document.getElementById('here'), {given}, model);</script>"
    )


def piece(
    name: str,
    data: Mapping[str, str],
    inside: str,
    rems: int,
    folder: Path | None = None,
    models: Sequence[str] = (),
) -> Any:
    """A piece of ``PIECES`` as the value of a cell.

    Args:
        name: of the piece, and of its file.
        data: what it is started with.
        inside: what stands there until it is loaded, as HTML.
        rems: the room that is kept free for it, so that the text below does not jump.
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
            f'height="{16 * rems + 100}" style="border:0"></iframe></div>'
        )
    given = " ".join(f'data-{key}="{html.escape(data[key], quote=True)}"' for key in data)
    return HTML(
        f'<div class="live-place" data-piece="{name}" {given}>{inside}</div>\n'
        "<script>document.currentScript.previousElementSibling.style.minHeight = "
        f"'{rems}rem'</script>\n"
        '<script type="module">const root = document.documentElement.dataset.content_root'
        ' ?? "./"; import(new URL(`${root}live/start.mjs`, location.href))'
        ".then((live) => live.start());</script>"
    )


def _wait(what: str) -> str:
    return f"<p class='live-wait'>With JavaScript you can {what} here.</p>"


def explorer(folder: Path, models: Sequence[str], n: int) -> Any:
    """Models that translate number words while one types.

    Args:
        folder: where ``export`` wrote the models.
        models: their names; the first is the one that can be looked into.
        n: the number that stands there at first.

    Raises:
        FileNotFoundError, ValueError: as ``load``.
    """
    data = {"models": " ".join(models), "typed": str(n)}
    return piece("explorer", data, still(folder, models, n), 44, folder, models)


def links(n: int) -> Any:
    """A number in two languages, and the lines between words that belong together."""
    return piece("links", {"typed": str(n)}, _wait("choose a number of your own"), 19)


def lookup(
    names: Sequence[str], keys: Sequence[Sequence[float]], values: Sequence[float]
) -> Any:
    """A memory in the plane, whose query one drags and whose temperature one turns."""
    memory = {"names": list(names), "keys": [list(k) for k in keys], "values": list(values)}
    data = {"memory": json.dumps(memory)}
    return piece("lookup", data, _wait("drag the query and turn the temperature"), 24)


def batch(sentences: Sequence[str]) -> Any:
    """Sentences as the rectangle of a batch, with mask and packing, to be edited."""
    data = {"sentences": json.dumps(list(sentences))}
    return piece("batch", data, _wait("edit the sentences of a batch"), 24)
