"""Wrong answers, and forbidden ones, which both sides refuse in the same words."""

from collections.abc import Iterator

from handing_in import changed

from variants.sources import as_it_is


def table() -> Iterator[tuple[str, str, str]]:
    """Assignment and exercise, name, cells."""
    yield (
        "A1 pad",
        "PyTorch's own function, under another name, in another cell",
        """
from torch.nn.utils.rnn import pad_sequence as stacked

def widened(rows):
    return stacked([torch.tensor(row) for row in rows], batch_first=True, padding_value=PAD)
# %% answer
def pad_to_multiple(rows, multiple):
    width = -(-max(map(len, rows)) // multiple) * multiple
    return widened([*rows, [PAD] * width])[:-1]
""",
    )
    yield (
        "A1 masks",
        "a function that is missing",
        """
# %% answer
def mask_from_lengths(src_lengths, src_len, padding_side):
    return torch.arange(src_len) < length_of[:, None]

def disagreeing_rows(src_ids, src_lengths, padding_side):
    return missing_helper(src_ids)
""",
    )
    yield (
        "A1 loss",
        "what is no number",
        """
# %% answer
from fractions import Fraction

def mean_loss(batches):
    return Fraction(1, 3)
""",
    )
    yield (
        "A1 pool",
        "nothing is returned",
        "def pool(src_mask, enc_states):\n    src_mask.sum()",
    )
    yield (
        "A1 ends",
        "a sparse tensor",
        """
# %% answer
def summary_from_states(src_mask, enc_states):
    return enc_states[:, 0].to_sparse()
""",
    )
    yield (
        "A1 buckets",
        "a generator instead of a list",
        """
# %% answer
def padding_cells(batches, src_lengths):
    return 7

def bucketed(src_lengths, batch_size, seed):
    return (list(range(k, k + batch_size)) for k in range(0, len(src_lengths), batch_size))
""",
    )
    yield (
        "A1 budget",
        "other names for the arguments, which are given by name",
        as_it_is("A1", "budget")
        .replace("lengths):", "sizes):")
        .replace("max(lengths", "max(sizes"),
    )
    yield (
        "A2 by-length",
        "the library's own metric",
        """
# %% answer
from seq2seq_lib.metrics import exact_match_by_length

def match_by_length(sources, hypotheses, references, edges):
    return exact_match_by_length(sources, hypotheses, references, edges)
""",
    )
    yield (
        "A2 loss",
        "one of the steps too few",
        changed("A2", "loss", ("tgt_ids.shape[1] - 1", "tgt_ids.shape[1] - 2")),
    )
    yield (
        "A2 step",
        "a complex number",
        changed("A2", "step", ("return dec_state @", "return 1j + dec_state @")),
    )
    yield (
        "A2 greedy",
        "its own end, by an exception",
        "def decode_greedily(step, dec_state, max_len):\n    raise RuntimeError('not today')",
    )
    yield (
        "A2 fields",
        "still to be written",
        "def errors_by_field(hypotheses, references):\n    raise NotImplementedError",
    )
    yield (
        "A3 context",
        "PyTorch's attention, in a helper below",
        """
# %% answer
def weighted_context(weights, values):
    return mixed(weights, values)
# %%
import torch.nn.functional as F

def mixed(weights, values):
    return F.scaled_dot_product_attention(weights.log(), torch.eye(values.shape[1]), values)
""",
    )
    yield (
        "A3 weights",
        "the library's softmax, by a way round",
        """
# %% answer
import seq2seq_lib

def masked_weights(scores, mask):
    return getattr(seq2seq_lib.attention, "masked_softmax")(scores, mask)
""",
    )
    yield (
        "A3 scores",
        "an argument that is changed by mistake in shape",
        changed("A3", "scores", ("@ v", "@ v[:, None]")),
    )
    yield (
        "A3 lookup",
        "eval of a text",
        "def look_up(query, states):\n    return eval('states @ query'), 1, 2",
    )
    yield (
        "A4 entropy",
        "PyTorch's distributions",
        """
# %% answer
from torch.distributions import Categorical

def bits(weights, mask):
    return Categorical(weights * mask[:, None]).entropy() / math.log(2)
""",
    )
    yield (
        "A4 search",
        "one word too long",
        changed("A4", "search", ("< max_len", "< max_len + 1")),
    )
    yield (
        "A4 links",
        "pairs in the other order",
        "def links_of(weights, tgt_len, src_len):\n"
        "    return {(s, t) for t, s in enumerate(weights[:tgt_len, :src_len].argmax(1).tolist())}",
    )
    yield (
        "A4 costs",
        "an object of its own",
        "class Table:\n    pass\n\ndef cost_table(own, edited, gold, kinds):\n    return Table()",
    )
