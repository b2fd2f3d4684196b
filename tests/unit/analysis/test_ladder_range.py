"""The fixed axes of a ladder's values, against the shipped models. Needs the shipped checkpoints."""

import math
from itertools import pairwise

import pytest
import torch

from ae_core.analysis.ladder_range import LadderRange, LogRange
from ae_core.checkpoints import ladder_paths, load_checkpoint
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float


def test_whole_decades_lie_around_the_values_and_0_is_left_out():
    assert LogRange.around([0.02, 3.0, 0.0]) == pytest.approx((0.01, 10.0))
    assert LogRange.around([0.01, 0.1]) == pytest.approx((0.01, 0.1))
    assert LogRange.around([1.0]) == pytest.approx((1.0, 10.0))
    assert LogRange.around([]) == pytest.approx((0.1, 1.0))
    assert LogRange.around([math.inf, math.nan, 5.0]) == pytest.approx((1.0, 10.0))


def test_without_a_ladder_there_are_axes_all_the_same():
    axes = LadderRange.of([])
    assert [axis.share(0.5) for axis in (axes.mse, axes.active_units)] == [
        pytest.approx(0.699, abs=1e-3),
        0.0,
    ]
    assert axes.active_units.share(64) == 1.0


def test_a_share_is_the_place_on_the_logarithmic_axis():
    axis = LogRange(0.01, 100.0)
    for value, share in ((0.01, 0), (0.1, 0.25), (1, 0.5), (100, 1), (0, 0), (-1, 0), (1e9, 1)):
        assert axis.share(value) == pytest.approx(share)


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_of_the_ladder_lies_on_the_axes_and_its_penalty_moves_it(kind):
    checkpoints = [load_checkpoint(path) for path in ladder_paths(kind).values()]
    axes = LadderRange.of([each.metrics for each in checkpoints])
    images = to_float(load_mnist("test").images[:2000])
    sq_norms = []
    for each in checkpoints:
        with torch.inference_mode():
            sq_norms.append(each.model.encode(images).square().sum(1).mean().item())
        # The axis is around the mean of all 10,000 images.
        assert 0.9 * axes.code_sq_norm.lowest <= sq_norms[-1] <= 1.1 * axes.code_sq_norm.highest
        assert axes.mse.lowest <= each.metrics.test_mse <= axes.mse.highest
    pressed = {
        "contractive": [
            axes.jacobian_sq_norm.share(each.metrics.jacobians.jacobian_sq_norm) for each in checkpoints
        ],
        "sparse": [axes.code_sq_norm.share(sq_norm) for sq_norm in sq_norms],
    }[kind]
    assert all(weaker > stronger + 0.005 for weaker, stronger in pairwise(pressed))
    assert axes.active_units.highest == checkpoints[0].model.code_size
