"""How each model of number words is trained, wherever it is trained.

A recipe is a learning rate and the bias that the update gates begin with, chosen on the
validation set by `recipe_tuning` for a mechanism and a hidden size. Every experiment and
every figure that trains a model of that name and size uses it.
"""

from typing import NamedTuple


class Recipe(NamedTuple):
    """What was chosen: highest learning rate of Adam, and bias of the update gates."""

    lr: float
    gate: float = 0.0


# (mechanism, nominal hidden size) -> what experiments/recipe_tuning.py chose.
RECIPES: dict[tuple[str, int], Recipe] = {
    ("additive", 96): Recipe(1e-2),
    ("uniform", 96): Recipe(1e-2, 1.0),
    ("deaf", 96): Recipe(1e-2, 1.0),
    ("frozen", 96): Recipe(1e-2, 1.0),
    ("diagonal", 96): Recipe(1e-2),
    ("fixed", 96): Recipe(1e-2, 1.0),
    ("once", 96): Recipe(1e-2, 2.0),
    ("additive, after", 96): Recipe(1e-2),
    ("dot", 96): Recipe(1e-2),
    ("dot, after", 96): Recipe(3e-2),
    ("dot_unscaled", 96): Recipe(1e-2),
    ("dot_unscaled, after", 96): Recipe(1e-2),
    ("general", 96): Recipe(3e-3),
    ("general, after", 96): Recipe(1e-2),
    ("additive", 64): Recipe(1e-2),
    ("fixed", 64): Recipe(1e-2, 1.0),
    ("additive", 32): Recipe(3e-2, 2.0),
    ("fixed", 32): Recipe(1e-2, 1.0),
    ("additive", 16): Recipe(3e-2),
    ("uniform", 16): Recipe(1e-2, 2.0),
    ("deaf", 16): Recipe(3e-2, 2.0),
    ("frozen", 16): Recipe(1e-2, 2.0),
    ("diagonal", 16): Recipe(3e-2),
    ("fixed", 16): Recipe(3e-2, 2.0),
    ("once", 16): Recipe(1e-2, 2.0),
}
# Nominal hidden size -> how many updates of the fixed context take as long as one with
# additive attention, as experiments/speed.py measured it.
SPEED = {96: 1.26, 16: 1.3}
