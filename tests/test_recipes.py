"""Every model of number words is trained as the grid said, and for as long."""

import pytest

from experiments import recipe_tuning
from experiments.ablated import BUILT_FROM, LOOKING
from experiments.engine.results import read_results
from experiments.recipes import RECIPES, SPEED


@pytest.mark.parametrize("mechanism, hidden", RECIPES)
def test_a_recipe_is_the_one_that_the_grid_chose(mechanism, hidden):
    """``best`` refuses a rate at the edge of its grid."""
    assert RECIPES[mechanism, hidden] == recipe_tuning.best(mechanism, hidden)


def test_whatever_was_tuned_has_a_recipe():
    tuned = recipe_tuning.TUNED.items()
    assert set(RECIPES) == {(m, hidden) for hidden, (ms, _) in tuned for m in ms}
    assert {(m, 96) for m in (*BUILT_FROM, *LOOKING)} <= set(RECIPES)


def test_equal_time_is_as_it_was_measured():
    measured = read_results("speed")["values"]
    found = {int(hidden): each["ratio"] for hidden, each in measured.items()}
    assert found == SPEED
