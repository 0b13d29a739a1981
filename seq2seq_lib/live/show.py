"""The pieces of a page that one can touch, each as the value of a cell.

See ``place`` for how a piece stands in a page and in a notebook.
"""

import html
import json
from collections.abc import Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.live.place import piece, wait
from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.require import option, require
from seq2seq_lib.text import normalise
from seq2seq_lib.vocab import Vocab
from seq2seq_lib.widgets import is_static, typed

NAMES = {
    "fixed": "fixed context",
    "additive": "additive attention",
    "dot": "scaled dot product",
    "dot_unscaled": "dot product",
    "general": "general attention",
}


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


def explorer(folder: Path, models: Sequence[str], n: int, at_once: bool = False) -> Any:
    """Models that translate number words while one types.

    Args:
        folder: where ``export`` wrote the models.
        models: their names; the first is the one that can be looked into.
        n: the number that stands there at first.
        at_once: the models are loaded with the page, and not when a reader comes near.

    Raises:
        FileNotFoundError, ValueError: as ``load``.
    """
    data = {"models": " ".join(models), "typed": str(n)} | ({"now": ""} if at_once else {})
    return piece("explorer", data, still(folder, models, n), _room(n), folder, models)


def _room(n: int) -> tuple[int, int]:
    """How high an explorer is: it has a row for each word, and on a phone more lines."""
    from seq2seq_lib.tasks.numbers import Numbers

    words = len(Numbers().example(n).tgt)
    return 45 + round(1.6 * words), 43 + round(1.6 * words) + 4 * ceil(words / 5)


def mechanisms(folder: Path, models: Sequence[str], n: int) -> Any:
    """Models that look in different ways, beside each other on one number.

    Args:
        folder: where ``export`` wrote the models.
        models: their names; the first is there at once, the others are loaded when a
            reader chooses them.
        n: the number that stands there at first.

    Raises:
        FileNotFoundError, ValueError: as ``load``.
    """
    data = {"models": " ".join(models), "typed": str(n)}
    room = (51, 60)
    return piece("mechanisms", data, still(folder, models, n), room, folder, models)


def _beginning(said: Sequence[str], words: int = 12) -> str:
    """The first words of what was written; an untrained model may not find an end."""
    shown = [*said[:words], *(["..."] if len(said) > words else [])]
    return " ".join(shown) or "(nothing)"


def training(moments: Sequence[Mapping[str, Any]], n: int) -> Any:
    """A model while it trains: what it writes and where it looks, moment by moment.

    Args:
        moments: in order, each with the ``update`` after which it was, the ``valid_loss``
            in nats per token, and by number what was ``said`` and the ``weights``: a row
            for every word of the right answer and one for its end.
        n: the number that is shown first.

    Raises:
        ValueError: nothing is stored for ``n``.
    """
    number = str(n)
    for moment in moments:
        option("number", number, moment["weights"])
    rows = "".join(
        f"<tr><th scope='row'>{moment['update']:,}</th>"
        f"<td>{moment['valid_loss']:.3g}</td>"
        f"<td lang='de'>{html.escape(_beginning(moment['said'][number]))}</td></tr>"
        for moment in moments
    )
    inside = (
        f"<table><caption>{n:,}, as it was written</caption>"
        "<tr><th scope='col'>updates</th><th scope='col'>loss</th>"
        f"<th scope='col'>written</th></tr>{rows}</table>{wait('watch where it looked')}"
    )
    data = {"moments": json.dumps(moments), "number": number}
    return piece("training", data, inside, (52, 57))


def links(n: int) -> Any:
    """A number in two languages, and the lines between words that belong together."""
    return piece("links", {"typed": str(n)}, wait("choose a number of your own"), (18, 18))


def lookup(
    names: Sequence[str], keys: Sequence[Sequence[float]], values: Sequence[float]
) -> Any:
    """A memory in the plane, whose query one drags and whose temperature one turns."""
    memory = {"names": list(names), "keys": [list(k) for k in keys], "values": list(values)}
    data = {"memory": json.dumps(memory)}
    return piece("lookup", data, wait("drag the query and turn the temperature"), (21, 33))


def batch(sentences: Sequence[str]) -> Any:
    """Sentences as the rectangle of a batch, with mask and packing, to be edited."""
    data = {"sentences": json.dumps(list(sentences))}
    return piece("batch", data, wait("edit the sentences of a batch"), (18, 18))


def sketch(
    labels: Sequence[str],
    measured: Sequence[float],
    name: str,
    axes: tuple[str, str] = ("source words", "exact match"),
    given: Mapping[str, Sequence[float]] | None = None,
) -> Any:
    """A curve that one draws before one sees it, and how far the two are apart.

    Args:
        labels: of the places along the axis.
        measured: a share at each of them, from 0 to 1.
        name: of what was measured.
        axes: what the places are, and what the shares are.
        given: curves that are shown from the beginning, by their names.

    Raises:
        ValueError: a curve has another number of values, or one that is no share.
    """
    others = given or {}
    for curve, values in {name: measured, **others}.items():
        require(
            len(values) == len(labels) and all(0 <= value <= 1 for value in values),
            f"The curve {curve!r} must have a share from 0 to 1 for each of "
            f"{len(labels)} labels, got {list(values)}.",
        )
    drawn = {
        "labels": list(labels),
        "measured": [float(value) for value in measured],
        "name": name,
        "xlabel": axes[0],
        "ylabel": axes[1],
        "given": {key: [float(v) for v in values] for key, values in others.items()},
    }
    what = wait("draw your guess and compare it with what was measured")
    return piece("sketch", {"curve": json.dumps(drawn)}, what, (24, 31))


def beam(folder: Path, models: Sequence[str], n: int) -> Any:
    """Beam search as a tree; the first of the stored ``models`` is chosen at first."""
    data = {"models": " ".join(models), "typed": str(n)}
    return piece(
        "beam", data, wait("grow the tree of a beam search"), (36, 46), folder, models
    )


def stepper(folder: Path, model: str, n: int) -> Any:
    """The decoder of a stored model, one step at a time."""
    what = wait("go through the decoder one step at a time")
    return piece(
        "stepper", {"models": model, "typed": str(n)}, what, (32, 62), folder, [model]
    )


def geometry(memories: Mapping[str, Mapping[str, Any]]) -> Any:
    """Keys in the plane, and for which queries each of them wins under a scorer.

    Args:
        memories: by name, ``keys`` of shape (keys, 2), and trained scorers by the names of
            their mechanisms, such as ``general``.
    """
    data = {
        name: {
            "keys": memory["keys"].tolist(),
            "layers": {
                kind: {
                    layer.removesuffix(".weight"): weight.tolist()
                    for layer, weight in look.state_dict().items()
                }
                for kind, look in memory.items()
                if kind != "keys"
            },
        }
        for name, memory in memories.items()
    }
    what = wait("drag a query and choose how it is compared with the keys")
    return piece("geometry", {"memories": json.dumps(data)}, what, (25, 34))


def islands(unit: torch.nn.GRU, letters: str) -> Any:
    """A state of two numbers reads a, b and c; ``unit`` has one layer and direction."""
    require(
        unit.hidden_size == 2 and unit.input_size == 3,
        f"The unit must read 3 symbols into 2 numbers, got {unit}.",
    )
    weights = {
        name.removesuffix("_l0"): value.tolist() for name, value in unit.named_parameters()
    }
    data = {"weights": json.dumps(weights), "typed": letters}
    return piece("islands", data, wait("type letters and watch the state jump"), (31, 43))


def gate(lines: Mapping[float, Sequence[float]], first: float) -> Any:
    """How far back a gradient reaches, for biases of the update gate; a slider chooses.

    Args:
        lines: for each bias the norm of the gradient at every position, all positive.
        first: the bias that is chosen at first.
    """
    data = {
        "biases": list(lines),
        "lines": [[float(value) for value in line] for line in lines.values()],
        "first": first,
    }
    what = wait("turn the bias of the update gate")
    return piece("gate", {"lines": json.dumps(data)}, what, (28, 25))


class Translates(Protocol):
    """What translates texts (see ``translate.folder.Translator``)."""

    def translate(
        self, texts: Sequence[str], beam: int = 5
    ) -> list[tuple[str, Translation]]:
        """The translation of each text, and how it came about."""
        ...


def captions(folder: Path, translators: Mapping[str, Translates], first: str) -> Any:
    """A sentence that a reader types, translated with and without attention.

    On a built page the translators are loaded when a reader asks for it; in a notebook
    the kernel has them already. Both search greedily.

    Args:
        folder: the folder that holds those of the page, each in a folder of its name.
        translators: by name; the sentence is given to each of them.
        first: the sentence that stands there at first.
    """

    def answers(text: str) -> str:
        if not normalise(text).strip():  # what nobody sees is no sentence
            return "<p>Type an English sentence.</p>"
        said = {name: its.translate([text], beam=1) for name, its in translators.items()}
        return "".join(
            f"<section><h4>{NAMES[name]}</h4><p lang='de'>{html.escape(text)}</p></section>"
            for name, [(text, _)] in said.items()
        )

    if not is_static():
        return typed(answers, first, "sentence")
    files = [[*(folder / name).iterdir()] for name in translators]
    data = {
        "models": list(translators),
        "sizes": [sum(file.stat().st_size for file in its) for its in files],
        "first": first,
    }
    what = wait("type a sentence of your own and have it translated")
    inside = f"<p>{html.escape(first)}</p>{answers(first)}{what}"
    return piece("captions", {"translators": json.dumps(data)}, inside, (18, 22))


def hypothesis(
    numbers: Mapping[int, int], sentences: Sequence[tuple[str, str, str]] = ()
) -> Any:
    """A hypothesis that one edits beside its reference, and four measures of it.

    Args:
        numbers: to be translated; for each the number that is said instead at first.
        sentences: a source, its reference, and another right translation.
    """
    from seq2seq_lib.tasks.numbers import Numbers

    names = ("title", "source", "reference", "other", "name", "note")
    pairs = []
    for n, said in numbers.items():
        due, other = Numbers().example(n), Numbers().example(said)
        note = (
            f"Another number, off by {abs(said - n):,}: a word counts as one word, "
            "whatever it is worth."
        )
        texts = (" ".join(words) for words in (due.src, due.tgt, other.tgt))
        pairs.append((f"{n:,}", *texts, "another leading digit", note))
    right = "A right translation, and the measures know one reference only."
    pairs += [("a sentence", *texts, "say it another way", right) for texts in sentences]
    data = [dict(zip(names, pair, strict=True)) for pair in pairs]
    what = wait("edit a hypothesis and watch four measures of it")
    return piece("hypothesis", {"pairs": json.dumps(data)}, what, (39, 58))


def padding(sentences: Sequence[Mapping[str, Any]]) -> Any:
    """Sentences to which a slider adds padding, and what that does to readers of them.

    Args:
        sentences: each with its ``source`` and ``reference`` as text and, by the names of
            the ``readers``, how far the context has ``moved`` and what was ``said`` with 0,
            1, 2, ... columns of padding.

    Raises:
        ValueError: two readers have another number of columns, or a context has moved
            where there is no padding.
    """
    readers = [one for sentence in sentences for one in sentence["readers"].values()]
    columns = {len(one[name]) for one in readers for name in ("moved", "said")}
    first = {one["moved"][0] for one in readers}
    require(
        len(columns) == 1 and first == {0},
        "All readers must have equally many values, and have moved by 0 without padding; "
        f"got {sorted(columns)} values, the first of them {sorted(first)}.",
    )
    what = wait("add padding to a sentence, column by column")
    return piece("padding", {"sentences": json.dumps(list(sentences))}, what, (40, 43))
