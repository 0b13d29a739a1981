"""Scores by place alone: what is written there does not count."""

from jaxtyping import Float, Int64
from torch import Tensor, nn

from seq2seq_lib.attention.lookup import (
    Attention,
    Keys,
    Mask,
    Query,
    Weights,
    check_mask,
    check_size,
    masked_softmax,
)
from seq2seq_lib.require import require, whole


def positions(mask: Mask) -> Int64[Tensor, "batch src_len"]:
    """The place of each real slot among the real ones, counted from 1.

    Padding repeats the place before it; whoever reads the places masks it.
    """
    return mask.cumsum(dim=-1)


def look_up(table: Float[Tensor, "batch tgt_len places"], mask: Mask) -> Weights:
    """``scores[t, j] = table[t, place of j]``, with places counted from 1.

    Raises:
        ValueError: a source has more real slots than the table has places. There is no
            answer for them, and none is made up.
    """
    places = table.shape[-1]
    if mask.shape[1] > places and not mask.is_meta:
        lengths = mask.sum(dim=-1)
        longest = int(lengths.max())
        require(
            longest <= places,
            f"The table of location attention has {places} positions, but source "
            f"{int(lengths.argmax())} of the batch has {longest} tokens; build the model "
            f"with positions={longest} or more, or give it shorter sources.",
        )
    index = (positions(mask) - 1).clamp(min=0)  # (batch, src_len)
    return table.gather(-1, index[:, None, :].expand(-1, table.shape[1], -1))


class Location(Attention):
    """A table of places: the query says where to look, whatever the source says there.

        a_t = softmax(W_a s_t)             (Luong et al. 2015, equation 8, "location")

    One row of W_a scores one place. Sources shorter than the table use its beginning. For
    longer ones the paper leaves the words at the end unseen; we refuse them.

    Args:
        query_dim, enc_dim: sizes of s_t and of an encoder state.
        positions: places of the table.

    Raises:
        ValueError: ``positions`` is no whole number of 1 to 10,000; in ``forward``, a
            source has more tokens than the table has places.
    """

    def __init__(self, query_dim: int, enc_dim: int, positions: int = 64) -> None:
        super().__init__()
        places = whole("positions", positions, at_least=1, at_most=10_000)
        self.table = nn.Linear(query_dim, places, bias=False)  # W_a

    def attend(self, query: Query, keys: Keys, mask: Mask) -> Weights:
        check_size("query", query, self.table.in_features)
        check_mask(mask, len(query), keys.shape[1])
        return masked_softmax(look_up(self.table(query), mask), mask)
