"""Two files to a folder with a trained translator, as far as it had come or anew."""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout

from seq2seq_lib.hooks.early_stop import EarlyStop
from seq2seq_lib.hooks.evaluation import Evaluation
from seq2seq_lib.model import Seq2Seq
from seq2seq_lib.require import require
from seq2seq_lib.run import History, Hook, TrainConfig
from seq2seq_lib.training import fit
from seq2seq_lib.translate import architectures, folder, hooks, scores
from seq2seq_lib.translate.batches import TokenBatches
from seq2seq_lib.translate.errors import told, writing
from seq2seq_lib.translate.folder import Translator
from seq2seq_lib.translate.preparing import (
    LOCK,
    STATE,
    Files,
    Options,
    Say,
    begin,
    prepare,
    read,
)
from seq2seq_lib.translate.processes import Processes, SharedStep

T = TypeVar("T")

AT_LEAST = 2_000  # updates, however small the corpus


def train(
    out: Path,
    files: Files,
    valid: Files | None,
    options: Options,
    processes: Processes,
    say: Say = print,
    save_every: int = 200,
    more: Sequence[Hook] = (),
    progress: bool = True,
) -> History:
    """Train a translator, or go on where the same training was stopped.

    Args:
        out: the folder of the translator.
        files: the training text.
        valid: pairs that the best weights are chosen by; None holds some of ``files`` out.
        options: how.
        processes: who trains together.
        say: prints a line.
        save_every: updates between two savings of the state.
        more: hooks beside its own, in every process.
        progress: show a bar.

    Raises:
        ValueError: a file, an option or the folder is not right, or nothing can be saved.
    """
    with _alone(out, processes), writing(out):
        _first(out, processes, lambda: begin(out, files, valid, options, processes.world))
        _first(out, processes, lambda: prepare(out, files, valid, options, say))
        prepared = read(out)
        model = architectures.build(prepared.config, options.seed).to(processes.device)
        translator = Translator(model, prepared.src, prepared.tgt, options.lowercase)
        batches = TokenBatches(prepared.corpus, options.batch_tokens, options.seed)
        updates = options.updates or max(AT_LEAST, math.ceil(options.epochs * len(batches)))
        every = options.evaluate_every or min(-(-updates // 8), len(batches))
        warmup = min(options.warmup, updates // 2)
        how = TrainConfig(updates, options.settled["lr"], warmup, seed=options.seed)
        if processes.first:
            say(f"{model.n_parameters:,} parameters; {updates:,} updates.")

        def measure(model: Seq2Seq) -> dict[str, float]:
            sources, targets = zip(*prepared.valid, strict=True)
            found = scores.score(translator, sources, targets, beam=1)
            nats = scores.loss(translator, sources, targets)
            return {"loss": nats, "bleu": found["bleu"], "chrf": found["chrf"]}

        step = SharedStep(processes, options.smoothing, options.precision)
        beside: list[Hook] = [
            step,
            Evaluation(lambda model: _first(out, processes, lambda: measure(model)), every),
            EarlyStop("bleu", options.patience, lower_is_better=False),
            *more,
        ]
        if processes.first:
            best = hooks.Best(out, "bleu", options.average, measure)
            beside += [best, hooks.Board(out), hooks.Told(say)]
            beside += [hooks.Saved(out / STATE, save_every)]
        else:
            beside += [hooks.Follow(out / STATE)]
        history = fit(
            model, batches, how, beside, progress=progress and processes.first, step=step
        )
        if processes.first and not history.interrupted:
            _check_kept(out, history)
            # Now that the end is saved, their mean need not be tried again.
            shutil.rmtree(out / hooks.RECENT, ignore_errors=True)
        return history


@contextmanager
def _alone(out: Path, processes: Processes) -> Iterator[None]:
    """Keep a second training out of the folder."""
    lock = FileLock(out / LOCK, timeout=0)

    def take() -> None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ValueError(
                f"Another training is at work in {out}; wait for it, or give another --out."
            ) from None
        except OSError as error:
            raise ValueError(
                f"Nothing can be written to {out} ({error.strerror}); give another --out."
            ) from None

    _first(out, processes, take)
    try:
        yield
    finally:
        lock.release()


def _first(out: Path, processes: Processes, work: Callable[[], T]) -> T:
    """What the first process gets done, in all of them; if it fails, all do."""
    outcome: tuple[str, Any] = ("", None)
    if processes.first:
        try:
            outcome = ("", work())
        except OSError as error:
            outcome = (told(error, out), None)
        except ValueError as error:
            outcome = (str(error), None)
    reason, value = processes.from_first(outcome)
    require(not reason, reason)
    return value


def _check_kept(out: Path, history: History) -> None:
    """Raise if the weights that were found best are no longer in the folder."""
    best = max(
        (e for e in history.evaluations if "bleu" in e),
        key=lambda record: record["bleu"],
        default=None,
    )
    require(best, "No evaluation succeeded, so no weights were kept; see the warnings.")
    assert best is not None
    path = out / folder.WEIGHTS
    require(
        path.exists() and folder.read_weights(path)[1].get("bleu") == str(best["bleu"]),
        f"{path} is not what this training found best; put its own file back, or train "
        "again with another --out.",
    )
