"""Every mechanism by its name, and the sizes that some of them take."""

from collections.abc import Callable
from functools import partial

from seq2seq_lib.attention.additive import Additive, Concat
from seq2seq_lib.attention.constant import FixedContext, Uniform
from seq2seq_lib.attention.coverage import Coverage
from seq2seq_lib.attention.heads import MultiHead
from seq2seq_lib.attention.local import LocalMonotonic, LocalPredictive
from seq2seq_lib.attention.location import Location
from seq2seq_lib.attention.lookup import Attention
from seq2seq_lib.attention.products import Dot, General
from seq2seq_lib.require import option, require

# The name that a configuration gives it: what builds it from query_dim and enc_dim. A new
# one is added at the end, and nowhere else.
MECHANISMS: dict[str, Callable[..., Attention]] = {
    "fixed": lambda query_dim, enc_dim: FixedContext(),
    "uniform": lambda query_dim, enc_dim: Uniform(),
    "additive": lambda query_dim, enc_dim: Additive(query_dim, enc_dim, query_dim),
    "dot": Dot,
    "dot_unscaled": partial(Dot, scaled=False),
    "general": General,
    "concat": lambda query_dim, enc_dim: Concat(query_dim, enc_dim, query_dim),
    "location": Location,
    "local_m": LocalMonotonic,
    "local_p": LocalPredictive,
    "coverage": lambda query_dim, enc_dim: Coverage(query_dim, enc_dim, query_dim),
    "multi_head": MultiHead,
}

# A size of its own: who takes it.
SIZES: dict[str, tuple[str, ...]] = {
    "heads": ("multi_head",),
    "window": ("local_m", "local_p"),
    "positions": ("location",),
}


def check_mechanism(name: str, **sizes: int | None) -> dict[str, int]:
    """The ``sizes`` that are not None, if there is such a mechanism and it takes them.

    Raises:
        ValueError: there is none of this name (the known ones are listed), or a size is
            for others.
    """
    option("attention", name, MECHANISMS)
    given = {size: value for size, value in sizes.items() if value is not None}
    for size, value in given.items():
        option("size", size, SIZES)
        require(
            name in SIZES[size],
            f"{size}={value} is for {' and '.join(SIZES[size])}; attention is {name!r}.",
        )
    return given


def build_attention(
    name: str, query_dim: int, enc_dim: int, **sizes: int | None
) -> Attention:
    """The mechanism of a name with fresh weights.

    Args:
        name: a key of ``MECHANISMS``.
        query_dim, enc_dim: sizes of the decoder's state and of an encoder state.
        sizes: ``heads``, ``window`` or ``positions`` for those who take one; None is their
            own choice.

    Raises:
        ValueError: as ``check_mechanism``, or a size does not suit the mechanism.
    """
    given = check_mechanism(name, **sizes)
    return MECHANISMS[name](query_dim, enc_dim, **given)
