"""What kinds of model the program trains, and which options each of them has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seq2seq_lib.model import ModelConfig, Seq2Seq, build_model
from seq2seq_lib.require import option, require
from seq2seq_lib.transformer import TransformerConfig, build_transformer

Config = ModelConfig | TransformerConfig


@dataclass(frozen=True)
class Architecture:
    """One kind of model.

    Args:
        defaults: the options that it has and others may lack, or have with other values.
        config: the class that describes its shape.
        build: makes a model of a configuration and a seed.
        configure: makes a configuration of both vocabularies' sizes and the options.
    """

    defaults: Mapping[str, Any]
    config: type
    build: Callable[[Any, int], Seq2Seq]
    configure: Callable[[int, int, Mapping[str, Any]], Config]


def _recurrent(src: int, tgt: int, chosen: Mapping[str, Any]) -> ModelConfig:
    return ModelConfig(
        src,
        tgt,
        chosen["attention"],
        chosen["emb_dim"],
        chosen["hidden"],
        chosen["hidden"],
        dropout=chosen["dropout"],
        output="tied",
        output_dropout=chosen["output_dropout"],
    )


def _transformer(src: int, tgt: int, chosen: Mapping[str, Any]) -> TransformerConfig:
    return TransformerConfig(
        src,
        tgt,
        dim=chosen["emb_dim"],
        heads=chosen["heads"],
        layers=chosen["layers"],
        hidden=chosen["hidden"],
        dropout=chosen["dropout"],
        tied=True,
    )


ARCHITECTURES = {
    "recurrent": Architecture(
        {
            "attention": "additive",
            "emb_dim": 160,
            "hidden": 256,
            "dropout": 0.3,
            "output_dropout": 0.4,
            "lr": 2e-3,
        },
        ModelConfig,
        build_model,
        _recurrent,
    ),
    "transformer": Architecture(
        {
            "emb_dim": 192,
            "hidden": 512,
            "heads": 4,
            "layers": 3,
            "dropout": 0.3,
            "lr": 1e-3,
        },
        TransformerConfig,
        build_transformer,
        _transformer,
    ),
}
# Every option that some architecture lacks, or has with another default.
OWN = tuple(dict.fromkeys(n for each in ARCHITECTURES.values() for n in each.defaults))


def settled(architecture: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an architecture: those that were chosen, and its defaults.

    Args:
        architecture: a name in ``ARCHITECTURES``.
        chosen: values by the names in ``OWN``; None where nothing was chosen.

    Raises:
        ValueError: the architecture is not known or does not have an option, or a value
            is out of range.
    """
    option("architecture", architecture, ARCHITECTURES)
    defaults = ARCHITECTURES[architecture].defaults
    for name, value in chosen.items():
        its = " or ".join(a for a in ARCHITECTURES if name in ARCHITECTURES[a].defaults)
        require(
            value is None or name in defaults,
            f"A {architecture} model has no --{name.replace('_', '-')}; leave it out, or "
            f"choose --architecture {its}.",
        )
    found = {**defaults, **{n: v for n, v in chosen.items() if v is not None}}
    configured(architecture, 1, 1, found)  # refuses what is out of range
    return found


def configured(architecture: str, src: int, tgt: int, chosen: Mapping[str, Any]) -> Config:
    """The configuration of a model for vocabularies of these sizes.

    Raises:
        ValueError: an option's value is not known, or out of range.
    """
    return ARCHITECTURES[architecture].configure(src, tgt, chosen)


def named(config: Any) -> str:
    """The architecture of a configuration."""
    names = [n for n, each in ARCHITECTURES.items() if isinstance(config, each.config)]
    require(names, f"{type(config).__name__} belongs to no architecture of the program.")
    return names[0]


def build(config: Config, seed: int = 0) -> Seq2Seq:
    """A model of this configuration with fresh weights."""
    return ARCHITECTURES[named(config)].build(config, seed)


def looks(config: Any) -> bool:
    """Whether a model of this configuration has weights that can be drawn."""
    return not isinstance(config, ModelConfig) or config.attention != "fixed"
