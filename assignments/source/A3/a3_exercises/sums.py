"""What is wrong with a weighted sum."""

from torch import Tensor

from checks.differences import first_difference, known, same


def wrong_sum(
    context: Tensor, right: Tensor, weights: Tensor, values: Tensor, value: str
) -> str | None:
    """None if ``context`` is ``right``, else the mistake or the first difference.

    Args:
        context: what was answered, (batch, tgt_len, value_dim).
        right: the right sums, of the same shape.
        weights: of the sums, (batch, tgt_len, src_len).
        values: what was summed, (batch, src_len, value_dim).
        value: what one of them is called.
    """
    if same(context, right):
        return None
    src_len = values.shape[1]
    mean = (
        f"The context is too small by a factor of {src_len}, the number of {value}s: "
        "a mean where a sum is meant."
    )
    flat = f"The context is the plain mean of the {value}s: the weights do not count."
    hard = (
        f"The context is the best {value} alone: you took the one with the largest weight "
        "alone, but the others have weights too."
    )
    best = weights.argmax(dim=-1)[..., None].expand_as(right)
    mistakes = [
        (right / src_len, mean),
        (values.mean(dim=1, keepdim=True).expand_as(right), flat),
        (values.gather(1, best), hard),
    ]
    axes = ["batch", "query", "component"]
    return known(context, mistakes) or first_difference(context, right, axes)
