"""The values of codes, each against a computation written out in the test. Needs torch."""

import math

import pytest
import torch

from ae_core.analysis.codes import (
    activation_density,
    active_units,
    code_shift,
    dead_units,
    hoyer,
    is_active,
    l0,
)


@pytest.mark.parametrize("scale", [1e-44, 1e-38, 1e-30, 1e-3, 1.0, 1e25, 3e38])
@pytest.mark.parametrize("size", [2, 64, 1152])
def test_hoyer_is_one_for_one_unit_and_zero_for_equal_units_at_any_scale(size, scale):
    one = torch.zeros(1, size)
    one[0, size // 2] = scale
    assert hoyer(one) == pytest.approx(1, abs=1e-9)
    assert hoyer(torch.full((2, size), scale)) == pytest.approx(0, abs=1e-9)
    assert 0 <= hoyer(torch.full((2, size), scale)) <= hoyer(one) <= 1


@pytest.mark.parametrize("seed", range(20))
def test_hoyer_stays_between_zero_and_one_and_does_not_change_with_scale(seed):
    code = torch.rand(3, 1152, generator=torch.Generator().manual_seed(seed)) ** (seed + 1)
    assert 0 <= hoyer(code) <= 1
    for scale in (1e-30, 1e25):
        assert hoyer(code * scale) == pytest.approx(hoyer(code), abs=2e-2 if scale < 1 else 1e-5)


def test_l0_active_and_density_on_a_code_counted_by_hand():
    codes = torch.tensor([[1.0, 0.04, 0.0], [0.05, 0.02, 0.0], [0.5, 0.0, 0.0], [0.2, 0.04, 0.0]])
    largest = codes.amax(0)
    expected = [[True, True, False], [False, True, False], [True, False, False], [True, True, False]]
    assert is_active(codes, largest).tolist() == expected
    assert active_units(codes, largest) == pytest.approx(6 / 4)
    assert l0(codes) == pytest.approx(7 / 4), "0.05 is not active, and not zero either"
    assert activation_density(codes, largest).tolist() == [0.75, 0.75, 0.0]


def test_a_unit_is_dead_that_hardly_changes_whatever_its_level():
    lively = torch.linspace(0, 1, 50)
    codes = torch.stack(
        [lively, torch.full_like(lively, 0.7), 0.7 + 5e-4 * lively, 0.002 * lively, torch.zeros(50)], dim=1
    )
    assert dead_units(codes) == 3, "constant, nearly constant, and never on; not the quiet one"
    assert dead_units(1e-6 * codes) == 3
    assert dead_units(torch.full((50, 4), 0.3)) == 4


def test_the_shift_of_a_code_is_its_distance_over_the_spread_and_undefined_without_one():
    codes, moved = torch.zeros(2, 3), torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 0.0]])
    assert code_shift(codes, moved, 2.0) == pytest.approx(math.sqrt(25 / 2) / 2)
    assert code_shift(codes, moved, 0.0) is None
