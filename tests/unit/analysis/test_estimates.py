"""Values with standard errors against repeated draws. Needs torch."""

import numpy as np
import pytest
import torch

from ae_core.analysis.estimates import Estimate, root_mean_square


@pytest.mark.parametrize(
    ("value", "error", "places"),
    [(1.0, 0.0, (0,)), (3.0, 0.1, (1,)), (2.05, 0.1, (0, 1)), (4.9, 0.1, (1, 2)), (9.0, 1.0, (2,))],
)
def test_an_estimate_near_a_bound_is_too_close_to_call(value, error, places):
    assert Estimate(value, error).place((2.0, 5.0)) == places


def test_the_standard_error_of_a_root_mean_square_is_what_repeated_draws_scatter_by():
    draws = torch.randn(4000, 64, generator=torch.Generator().manual_seed(0)) + 2
    roots = draws.square().mean(1).sqrt()
    claimed = np.mean([root_mean_square(row).error for row in draws[:200]])
    assert claimed == pytest.approx(roots.std().item(), rel=0.05)
    assert root_mean_square(draws[0]).value == pytest.approx(roots[0].item(), rel=1e-5)
