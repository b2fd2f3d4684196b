"""A grid's file: which cells it has, and what is refused. Needs click."""

import re
from pathlib import Path

import pytest

from ae_core.config import RECIPES
from ae_core.sweep.grid import read_grid
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")


def test_a_grid_is_every_combination_of_its_lists(grid, tmp_path):
    cells = read_grid(grid(), tmp_path)
    found = [(c.recipe.model.kind, c.recipe.train.penalty_weight, c.recipe.train.seed) for c in cells]
    sparse = [("sparse", weight, seed) for weight in (0.0, 0.005) for seed in (0, 1)]
    assert found == [*sparse, ("contractive", 1e-3, 0)]
    fast = RECIPES["sparse"]["fast"]
    expected = fast.override(penalty_weight=0.005, sparsity_target=0.02, seed=1, epochs=1, batch_size=50)
    assert cells[3].recipe == expected
    assert len({cell.name for cell in cells}) == 5


def test_a_combination_that_two_tables_share_is_one_cell(grid, tmp_path):
    table = "[[grid]]\nkind = ['sparse']\nseed = [1, 2]\n"
    assert len(read_grid(grid(table + table), tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "[[grid]]"),
        ("grid = 3", "[[grid]]"),
        ("x = 1\n[[grid]]\nkind = 'sparse'", "[[grid]]"),
        ("[[grid", "not valid TOML"),
        ("[[grid]]\nseed = 1", "kind must be"),
        ("[[grid]]\nkind = 'denoising'", "kind must be"),
        ("[[grid]]\nkind = 'sparse'\nrecipe = 'slow'", "recipe must be"),
        ("[[grid]]\nkind = 'sparse'\nwidth = 3", "no field width"),
        ("[[grid]]\nkind = 'sparse'\nseed = []", "not 0"),
        ("[[grid]]\nkind = 'sparse'\npenalty_weight = [0.1, -1]", "penalty_weight must be"),
        ("[[grid]]\nkind = ['sparse', 'contractive']\nsparsity_target = 0.1", "leave it out"),
        ("[[grid]]\nkind = 'sparse'\nepochs = 'many'", "epochs must be"),
        (f"[[grid]]\nkind = 'sparse'\nseed = {list(range(10_001))}", "10,001"),
    ],
)
def test_a_grid_that_cannot_be_trained_is_one_line_and_exit_code_2(sweep_out, text, says):
    code, _, err = sweep_out(text=text)
    assert code == 2
    assert_one_error_line(err)
    assert says in err


def test_the_grid_in_the_documents_can_be_trained(grid, tmp_path):
    (text,) = re.findall(
        r"```toml\n(.*?)```", Path(__file__).parents[3].joinpath("docs/research.md").read_text(), re.DOTALL
    )
    assert len(read_grid(grid(text), tmp_path)) == 9 + 12


def test_a_grid_that_is_not_there_is_one_line_and_exit_code_2(run, tmp_path):
    code, _, err = run("sweep", tmp_path / "none.toml")
    assert code == 2
    assert_one_error_line(err)
