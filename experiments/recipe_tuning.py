"""The learning rate and the bias of the update gates for every model of number words.

A comparison is only fair when neither side runs with the other's settings. All mechanisms
try the same rates and biases, with seeds that no other experiment uses; the grid of rates
goes on where its best point was at its edge. A hidden size of 96 has the course's budget of
updates, smaller ones 1,000.
"""

from statistics import fmean
from typing import NamedTuple

from experiments.ablated import BUILT_FROM, LOOKING, build, looking_config
from experiments.engine import Experiment, Job, Values, main
from experiments.engine.results import read_results
from experiments.grids import inside
from experiments.number_words import DATA, UPDATES, splits, train_model
from experiments.recipes import Recipe
from seq2seq_lib.batching import encode
from seq2seq_lib.metrics import loss_per_token
from seq2seq_lib.model import bias_update_gates, build_model
from seq2seq_lib.tasks.numbers import Numbers
from seq2seq_lib.training import TrainConfig

RATES, GATES = (3e-3, 1e-2, 3e-2), (0.0, 1.0, 2.0)
# Where the best was at the edge.
MORE_RATES: dict[tuple[str, int], tuple[float, ...]] = {
    ("dot, after", 96): (1e-1,),
    ("general", 96): (1e-3,),
    ("additive", 32): (1e-1,),
    **{(mechanism, 16): (1e-1,) for mechanism in ("additive", "deaf", "diagonal", "fixed")},
}
TUNED = {
    96: ((*BUILT_FROM, *LOOKING), UPDATES),
    64: (("additive", "fixed"), 1000),
    32: (("additive", "fixed"), 1000),
    16: (tuple(BUILT_FROM), 1000),
}
CHOSEN_BY = "lowest validation loss, mean over the tuning seeds"


class Arm(NamedTuple):
    """A mechanism of a size, and how it is trained."""

    mechanism: str
    hidden: int
    recipe: Recipe
    updates: int

    @property
    def name(self) -> str:
        """As it is stored."""
        lr, gate = self.recipe
        return f"{self.mechanism}, {self.hidden}, lr {lr:g}, gate {gate:g}"


def arms() -> dict[str, Arm]:
    """All arms by name."""
    found = [
        Arm(mechanism, hidden, Recipe(lr, gate), updates)
        for hidden, (mechanisms, updates) in TUNED.items()
        for mechanism in mechanisms
        for lr in (*RATES, *MORE_RATES.get((mechanism, hidden), ()))
        for gate in (GATES if mechanism in BUILT_FROM else GATES[:1])
    ]
    return {arm.name: arm for arm in found}


def run(job: Job) -> Values:
    """Train one model with one recipe; its loss on the validation set."""
    mechanism, hidden, recipe, updates = arms()[job.arm]
    if mechanism in LOOKING:
        attention, _, after = mechanism.partition(", ")
        config = looking_config(attention, after or "before")
        model = bias_update_gates(build_model(config, job.seed), recipe.gate)
    else:
        model = build(mechanism, hidden, recipe.gate, job.seed)
    values, _ = train_model(job, model, TrainConfig(updates, lr=recipe.lr))
    valid = encode(splits().valid, *Numbers().vocabs())
    return {**values, "valid_loss": loss_per_token(model, valid)}


def best(mechanism: str, hidden: int) -> Recipe:
    """The recipe with the lowest loss.

    Raises:
        ValueError: its rate is at the edge of the grid.
    """
    values = read_results("recipe_tuning")["values"]
    losses = {
        arm.recipe: fmean(seed["valid_loss"] for seed in values[name].values())
        for name, arm in arms().items()
        if (arm.mechanism, arm.hidden) == (mechanism, hidden)
    }
    found = min(losses, key=lambda recipe: losses[recipe])
    rates = [recipe.lr for recipe in losses]
    grid = "MORE_RATES in experiments/recipe_tuning.py"
    inside(found.lr, rates, f"{mechanism!r} at {hidden}", grid)
    return found


def experiment() -> Experiment:
    # Without the rates, which may become more: the arms' names say what was tried.
    sizes = {hidden: updates for hidden, (_, updates) in TUNED.items()}
    how = {**DATA, "gates": GATES, "updates": sizes, "chosen_by": CHOSEN_BY}
    return Experiment("recipe_tuning", run, dict.fromkeys(arms(), (100, 101)), how)


if __name__ == "__main__":
    main(experiment(), __doc__)
