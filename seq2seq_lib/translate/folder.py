"""A translator in one folder: weights, configuration and subwords belong together."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from seq2seq_lib.decoding import Translation, translate
from seq2seq_lib.files import write_atomically, write_text
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.require import option, require, whole
from seq2seq_lib.translate import architectures
from seq2seq_lib.translate.architectures import ARCHITECTURES, Config
from seq2seq_lib.translate.lines import prepare
from seq2seq_lib.translate.quantizing import dequantize, quantize
from seq2seq_lib.translate.subwords import Subwords

CONFIG, WEIGHTS, SIDES = "config.json", "model.safetensors", ("source.json", "target.json")
FORMAT = 1
TIED = "tied"  # which name in the file of weights stands for which other


@dataclass(frozen=True)
class Translator:
    """A model with all that belongs to it.

    Args:
        model: the weights.
        src, tgt: how its source and target texts are cut into pieces.
        lowercase: whether texts are lower-cased first.
    """

    model: Seq2Seq
    src: Subwords
    tgt: Subwords
    lowercase: bool

    def translate(
        self, texts: Sequence[str], beam: int = 5
    ) -> list[tuple[str, Translation]]:
        """The translation of each text, and how it came about; no text is empty.

        Args:
            texts: sentences as people write them.
            beam: width of the beam search; answers are compared by their mean
                log-probability. 1 searches greedily.
        """
        whole("beam", beam, at_least=1)
        pieces = [self.src.split(prepare(text, self.lowercase)) for text in texts]
        said = translate(
            self.model,
            pieces,
            self.src.vocab,
            self.tgt.vocab,
            batch_size=max(1, 256 // beam),
            beam_size=beam,
            length_penalty=1.0 if beam > 1 else 0.0,
        )
        return [(self.tgt.join(answer.tokens), answer) for answer in said]


def write_frame(folder: Path, translator: Translator) -> None:
    """Write what stays the same while the weights are trained."""
    sides = translator.src, translator.tgt
    write_parts(
        folder, described(translator.model.config, sides, translator.lowercase), sides
    )


def write_parts(folder: Path, content: str, sides: tuple[Subwords, Subwords]) -> None:
    """Write a configuration, as ``described`` gives it, and both sides' subwords."""
    write_text(folder / CONFIG, content)
    for name, side in zip(SIDES, sides, strict=True):
        write_text(folder / name, side.to_json())


def described(config: Any, sides: tuple[Subwords, Subwords], lowercase: bool) -> str:
    """The content of ``config.json``: the model, and which subwords belong to it."""
    content = {
        "format": FORMAT,
        "architecture": architectures.named(config),
        "model": asdict(config),
        "lowercase": lowercase,
        "source": sides[0].digest,
        "target": sides[1].digest,
    }
    return json.dumps(content, indent=1)


def frame_digest(folder: Path) -> str:
    """Tells whether weights belong to a configuration and its subwords."""
    return digest((folder / CONFIG).read_bytes())


def digest(content: bytes) -> str:
    """A short name for the content of a configuration."""
    return sha256(content).hexdigest()[:16]


def write_weights(
    path: Path,
    weights: Mapping[str, Tensor],
    facts: Mapping[str, Any],
    small: bool = False,
) -> None:
    """Write weights, and beside them what is to be known of them.

    Args:
        path: the file.
        weights: as ``state_dict`` gives them.
        facts: what is known of them.
        small: one byte for each number of a matrix (see ``quantizing``).

    Raises:
        OSError: the disk is full, or cannot be written.
        ValueError: a weight is not finite, and cannot be made small.
    """
    metadata = {name: str(value) for name, value in facts.items()}
    tensors: dict[str, Tensor] = {}
    tied, places = {}, dict[Any, str]()  # a matrix that two layers have is stored once
    for name, value in weights.items():
        first = places.setdefault((value.data_ptr(), value.shape, value.stride()), name)
        if first == name:
            tensors[name] = value.detach().cpu().contiguous()
        else:
            tied[name] = first
    if tied:
        metadata[TIED] = json.dumps(tied)
    if small:
        tensors = quantize(tensors)
    content = save(tensors, metadata)
    # Not by ``save_file``, whose files nobody else may read.
    write_atomically(path, lambda partial: partial.write_bytes(content))


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights, and what is known of them.

    Raises:
        ValueError: the file is not there or not whole.
    """
    try:
        with safe_open(path, framework="pt") as file:
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            facts = dict(file.metadata() or {})
        tied = json.loads(facts.pop(TIED, "{}"))
        found = dequantize(found)
        return found | {name: found[first] for name, first in tied.items()}, facts
    except FileNotFoundError:
        raise ValueError(
            f"{path} does not exist; is the training under way, and has it been evaluated?"
        ) from None
    except (SafetensorError, OSError, ValueError, KeyError):
        raise ValueError(f"{path} cannot be read as weights; is the copy whole?") from None


def read_own_weights(folder: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The weights of a translator's folder, and what is known of them.

    Raises:
        ValueError: they are not there, not whole, or another translator's.
    """
    weights, facts = read_weights(folder / WEIGHTS)
    require(
        facts.get("frame") == frame_digest(folder),
        f"{folder / WEIGHTS} belongs to another configuration than {CONFIG}; put its own "
        "file back, or copy the whole folder again.",
    )
    return weights, facts


def shrink(source: Path, out: Path) -> None:
    """Write a translator again, in a new folder, with its matrices in 8 bits.

    Raises:
        OSError: the disk is full, or cannot be written.
        ValueError: ``source`` holds no translator (see ``load``), or ``out`` something.
    """
    translator = load(source)
    require(
        not out.exists() or not any(out.iterdir()),
        f"{out} is not empty; give a new folder.",
    )
    _, facts = read_weights(source / WEIGHTS)
    out.mkdir(parents=True, exist_ok=True)
    write_frame(out, translator)
    write_weights(out / WEIGHTS, translator.model.state_dict(), facts, small=True)


def read_frame(folder: Path) -> tuple[Config, Subwords, Subwords, bool]:
    """The configuration and the subwords of a translator's folder.

    Raises:
        ValueError: something is missing, damaged, or belongs to another translator.
    """
    require(folder.is_dir(), f"There is no folder {folder}; train a translator into it.")
    try:
        found = json.loads((folder / CONFIG).read_text(encoding="utf8"))
        require(found["format"] == FORMAT, "it was written by another version")
        name = found.get("architecture", "recurrent")  # older folders do not say it
        option("architecture", name, ARCHITECTURES)
        config = ARCHITECTURES[name].config(**found["model"])
        lowercase = bool(found["lowercase"])
        digests = found["source"], found["target"]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{folder / CONFIG} is not the configuration of a translator ({error})."
        ) from None
    sides = []
    for name, digest in zip(SIDES, digests, strict=True):
        try:
            sides.append(Subwords.from_json((folder / name).read_text(encoding="utf8")))
        except (OSError, ValueError) as error:
            raise ValueError(f"{folder / name} cannot be used ({error}).") from None
        require(
            sides[-1].digest == digest,
            f"{folder / name} belongs to another translator than {CONFIG}; put its own "
            "file back, or copy the whole folder again.",
        )
    return config, sides[0], sides[1], lowercase


def load(folder: Path, device: str | torch.device = "cpu") -> Translator:
    """The translator of a folder.

    Raises:
        ValueError: something is missing, damaged, or belongs to another translator.
    """
    config, src, tgt, lowercase = read_frame(folder)
    weights, _ = read_own_weights(folder)
    model = architectures.build(config)
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise ValueError(
            f"{folder / WEIGHTS} holds other weights than {CONFIG} describes; copy the "
            "whole folder again."
        ) from None
    return Translator(model.to(device).eval(), src, tgt, lowercase)
