"""A trained model as two small files that a page can read."""

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seq2seq_lib.decoder import Decoder
from seq2seq_lib.files import write_atomically
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.output import DeepOutput
from seq2seq_lib.require import require
from seq2seq_lib.vocab import SPECIALS, Vocab

# What model.mjs can run.
MECHANISMS = ("additive", "general", "dot", "dot_unscaled", "uniform", "fixed")
LARGEST = 65_504.0  # of a 16-bit float


def rounded(model: Seq2Seq) -> Seq2Seq:
    """A copy of the model with every weight rounded to 16 bits, as a page has it.

    Raises:
        ValueError: a weight is no finite number of 16 bits.
    """
    for name, weight in model.state_dict().items():
        require(
            bool((weight.abs() <= LARGEST).all()),
            f"{name} has a weight beyond {LARGEST:,.0f}, which 16 bits cannot hold; train "
            "the model at a lower rate.",
        )
    page = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in page.parameters():
            parameter.copy_(parameter.half().float())
    return page


def check_runnable(model: Seq2Seq) -> dict[str, Any]:
    """What a page has to know of a model's shape.

    Raises:
        ValueError: model.mjs cannot run it.
    """
    config = model.config
    if config is None:
        raise ValueError("A model for a page is made by build_model; this one was not.")
    require(
        config.attention in MECHANISMS,
        f"A page runs {', '.join(MECHANISMS)}, but the model has {config.attention!r}.",
    )
    plain = isinstance(model.decoder, Decoder) and config.query == "before"
    require(
        plain and not isinstance(model.decoder.output, DeepOutput),
        "A page runs Bahdanau's wiring with the query before the step and a linear output "
        f"layer; the model has {config.wiring=}, {config.query=}, {config.output=}.",
    )
    names = ("attention", "emb_dim", "enc_hidden", "dec_hidden", "bidirectional")
    return {name: getattr(config, name) for name in names}


def export(
    model: Seq2Seq, src_vocab: Vocab, tgt_vocab: Vocab, path: Path, **about: Any
) -> tuple[Path, Path]:
    """Write ``path`` with the suffixes ``.json`` and ``.f16``; returns both.

    The first has the configuration, the words and the place of every tensor in the second,
    which holds the weights one after the other, 16 bits each, the little end first.

    Args:
        model: as ``build_model`` makes it, trained.
        src_vocab, tgt_vocab: its vocabularies.
        path: without a suffix.
        about: what else the page shows of it, such as the updates that it was trained for.

    Raises:
        ValueError: a page cannot run such a model, or a weight is too large.
    """
    config = check_runnable(model)
    tensors, parts, start = [], [], 0
    for name, weight in rounded(model).cpu().state_dict().items():
        tensors.append({"name": name, "shape": list(weight.shape), "start": start})
        parts.append(weight.numpy().astype("<f2").ravel())
        start += weight.numel()
    words = [
        vocab.decode(list(range(len(SPECIALS), len(vocab))))
        for vocab in (src_vocab, tgt_vocab)
    ]
    header = {
        "config": config,
        "about": about,
        "src": words[0],
        "tgt": words[1],
        "size": start,
        "tensors": tensors,
    }
    text = json.dumps(header, ensure_ascii=False) + "\n"
    files = path.with_suffix(".json"), path.with_suffix(".f16")
    write_atomically(files[0], lambda partial: partial.write_text(text, encoding="utf-8"))
    write_atomically(files[1], lambda partial: np.concatenate(parts).tofile(partial))
    return files
