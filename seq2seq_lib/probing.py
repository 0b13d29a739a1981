"""What can be read out of a model's states, and which inputs its answers feel."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from torch import Tensor

from seq2seq_lib.batching import Batch
from seq2seq_lib.model import Seq2Seq, evaluating
from seq2seq_lib.precision import at_least_float32
from seq2seq_lib.require import Whole, require, whole

MIN_PER_CLASS = 8  # a quarter of them is held out: two that the probe has never seen


class Probe(NamedTuple):
    """What a probe found, and what it must be compared with.

    Args:
        accuracy: share of held-out examples whose label it read, from 0 to 1.
        majority: the same for always guessing the most frequent label of its training
            examples; below or near this, the probe found nothing.
        n_train: examples that it was fitted to.
        n_test: examples held out.
        n_classes: number of different labels.
    """

    accuracy: float
    majority: float
    n_train: int
    n_test: int
    n_classes: int


def linear_probe(
    features: Float[Tensor | np.ndarray, "examples features"],
    labels: Tensor | np.ndarray,
    seed: Whole = 0,
) -> Probe:
    """How well a linear classifier reads ``labels`` out of ``features``.

        p(label = k | h) = softmax over k of (w_k . h + b_k)

    It is fitted to three quarters of the examples, features scaled to mean 0 and variance
    1, and scored on the rest. A high accuracy says that the label is in the features *and*
    linearly readable; a low one does not say that it is absent. A probe learns too, so the
    same probe on the features of an untrained model is the control (Alain and Bengio 2017;
    Hewitt and Liang 2019).

    Args:
        features: one row for each example.
        labels: one class for each example, (examples,).
        seed: which examples are held out.

    Raises:
        ValueError: there are more or fewer labels than rows, fewer than two classes, a
            class with fewer than 8 examples, or ``seed`` is none that scikit-learn takes.
    """
    x, y = _array(features), _array(labels)
    seed = whole("seed", seed, at_least=0, at_most=2**32 - 1)
    require(
        y.shape == x.shape[:1],
        f"Give one label for each row: got {len(x)} rows and labels of shape {y.shape}.",
    )
    classes, counts = np.unique(y, return_counts=True)
    n = len(classes)
    require(n >= 2, f"A probe needs at least two classes to tell apart, got {n}.")
    require(
        counts.min() >= MIN_PER_CLASS,
        f"A probe needs at least {MIN_PER_CLASS} examples of every class, got "
        f"{counts.min()} of class {classes[counts.argmin()]}; take more examples, or leave "
        "that class out.",
    )
    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=0.25, random_state=seed, stratify=y
    )
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    with threadpool_limits(1):  # threads that wait for each other cost more than they do
        probe.fit(x_train, y_train)
        accuracy = float((probe.predict(x_test) == y_test).mean())
    frequent, train_counts = np.unique(y_train, return_counts=True)
    return Probe(
        accuracy=accuracy,
        majority=float((y_test == frequent[train_counts.argmax()]).mean()),
        n_train=len(y_train),
        n_test=len(y_test),
        n_classes=n,
    )


def _array(values: Tensor | np.ndarray) -> np.ndarray:
    if isinstance(values, Tensor):
        return at_least_float32(values.detach()).cpu().numpy()
    return np.asarray(values)


def gradient_norms(model: Seq2Seq, batch: Batch) -> Float[Tensor, "batch tgt_len src_len"]:
    """How strongly each answer feels each source token, teacher-forced.

        norms[t, j] = || d log p(y_t | y_(<t), x) / d (embedding of x_j) ||

    The larger it is, the more a small change of the embedding at source position ``j``
    changes the answer of step ``t``, and the more training can teach the model about that
    position from that step. It is exactly zero on padding of either side. The model, on
    whose device the batch is, is differentiated without dropout, whatever mode it is in;
    its mode and its gradients are left as they were.
    """
    embedded: list[Tensor] = []

    def capture(module: torch.nn.Module, inputs: object, output: Tensor) -> Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[0]

    handle = model.encoder.embedding.register_forward_hook(capture)
    try:
        # cuDNN can differentiate a recurrent network in training mode only.
        with (
            evaluating(model),
            torch.enable_grad(),
            torch.backends.cudnn.flags(enabled=False),
        ):
            log_probs = model(batch).logits.log_softmax(dim=-1)
            answers = log_probs.gather(-1, batch.tgt_out[:, :, None]).squeeze(-1)
            # Rows of a batch do not feel each other: the sum keeps them apart.
            norms = []
            for step in answers.unbind(dim=1):
                total = step.sum()
                (gradient,) = torch.autograd.grad(total, embedded[0], retain_graph=True)
                norms.append(gradient.norm(dim=-1))  # (batch, src_len)
    finally:
        handle.remove()
    real = batch.tgt_mask[:, :, None] & batch.src_mask[:, None, :]
    return torch.stack(norms, dim=1).masked_fill(~real, 0.0)
