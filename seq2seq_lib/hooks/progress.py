"""A progress bar."""

from tqdm.auto import tqdm

from seq2seq_lib.run import Hook, Run


class Progress(Hook):
    """A bar that shows how many updates are done, and the loss of the last one.

    Args:
        label: the bar's name.
    """

    def __init__(self, label: str = "training") -> None:
        self.label = label

    def before_training(self, run: Run) -> None:
        self.bar = tqdm(total=run.until, initial=run.done, desc=self.label, leave=False)

    def after_update(self, run: Run) -> None:
        self.bar.set_postfix(loss=f"{run.history.losses[-1]:.3f}", refresh=False)
        self.bar.update()

    def after_training(self, run: Run) -> None:
        self.bar.close()
