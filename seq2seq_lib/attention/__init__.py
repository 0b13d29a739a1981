"""Look something up in a memory: score every slot, normalise, take the weighted sum.

All mechanisms share ONE signature and store nothing. Those who ask once call the module,
``(query, keys, values, mask) -> (context, weights)``; a decoder calls ``look(query, memory,
past) -> (context, weights, past)``, where ``past`` is what a mechanism remembers or counts,
and None for the others. A decoder that works with one works with all of them, so an
experiment can change the attention and nothing else.

- ``lookup``: what a look is; masked softmax, weighted sum, ``Memory``, ``Attention``
- ``constant``: the fixed context, and the same weight everywhere
- ``additive``: additive, and concat, which is the same
- ``products``: dot, scaled dot, general
- ``location``: by place alone
- ``local``: through a window, which moves on (local-m) or is predicted (local-p)
- ``coverage``: additive, knowing what has been looked at
- ``heads``: several looks side by side
- ``mechanisms``: each of them by its name
"""

from seq2seq_lib.attention.additive import Additive, Concat, additive_scores
from seq2seq_lib.attention.constant import FixedContext, Uniform
from seq2seq_lib.attention.coverage import Coverage, covered
from seq2seq_lib.attention.heads import MultiHead, join_heads, split_heads
from seq2seq_lib.attention.local import LocalMonotonic, LocalPredictive
from seq2seq_lib.attention.location import Location, look_up, positions
from seq2seq_lib.attention.lookup import (
    Attention,
    Context,
    HeadWeights,
    Keys,
    Look,
    Mask,
    Memory,
    Past,
    Query,
    Staged,
    Values,
    Weights,
    masked_softmax,
    weighted_sum,
)
from seq2seq_lib.attention.mechanisms import (
    MECHANISMS,
    SIZES,
    build_attention,
    check_mechanism,
)
from seq2seq_lib.attention.products import Dot, General, dot_scores

__all__ = [
    "MECHANISMS",
    "SIZES",
    "Additive",
    "Attention",
    "Concat",
    "Context",
    "Coverage",
    "Dot",
    "FixedContext",
    "General",
    "HeadWeights",
    "Keys",
    "LocalMonotonic",
    "LocalPredictive",
    "Location",
    "Look",
    "Mask",
    "Memory",
    "MultiHead",
    "Past",
    "Query",
    "Staged",
    "Uniform",
    "Values",
    "Weights",
    "additive_scores",
    "build_attention",
    "check_mechanism",
    "covered",
    "dot_scores",
    "join_heads",
    "look_up",
    "masked_softmax",
    "positions",
    "split_heads",
    "weighted_sum",
]
