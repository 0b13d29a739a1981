"""From what a decoder knows after a step to the scores of all words."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import linear

from seq2seq_lib.require import option
from seq2seq_lib.vocab import PAD

OUTPUTS = ("linear", "tied")


class DeepOutput(nn.Module):
    """A hidden layer before the words, which are scored by their own embeddings.

        t = max over pairs of (T features)        maxout: 2 * size numbers, in pairs
        logits = E t + b                          E: the decoder's embeddings ("tied")

    A direct map of 900 features to 6,000 words has more parameters than all else in a
    model of this course; this has few, and a word is learned where it is read as well.

    Source: Bahdanau et al. 2015, appendix A.2.2 (the maxout layer, with an output matrix
    of its own); Press and Wolf 2017 (one matrix for reading and writing).

    Args:
        features: size of what the decoder knows: [s_t ; c_t ; E y_(t-1)].
        embedding: of the target words. It belongs to the decoder, and is drawn anew here:
            small, because products with it are scores now.
    """

    def __init__(self, features: int, embedding: nn.Embedding) -> None:
        super().__init__()
        vocab_size, size = embedding.weight.shape
        self.hidden = nn.Linear(features, 2 * size)  # T
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        with torch.no_grad():
            embedding.weight.normal_(std=size**-0.5)
            embedding.weight[PAD] = 0

    def forward(
        self, features: Float[Tensor, "*rows features"], words: Float[Tensor, "vocab emb"]
    ) -> Float[Tensor, "*rows vocab"]:
        """The scores of all ``words``, given as their embeddings."""
        pairs = self.hidden(features).unflatten(-1, (-1, 2))
        return linear(pairs.amax(dim=-1), words, self.bias)


def output_layer(
    output: str, features: int, embedding: nn.Embedding
) -> nn.Linear | DeepOutput:
    """The output layer of a decoder: one linear map, or ``DeepOutput``.

    Raises:
        ValueError: ``output`` is not known.
    """
    option("output", output, OUTPUTS)
    if output == "tied":
        return DeepOutput(features, embedding)
    return nn.Linear(features, embedding.num_embeddings)
