"""The profile of a unit and its twin, on codes made by hand. Needs numpy and scipy."""

import numpy as np
import pytest

from ae_core.analysis.twins import match_units
from ae_core.analysis.unit_profile import profile_unit
from ae_core.analysis.vectors import Vectors
from ae_core.errors import AnalysisError


@pytest.fixture
def codes():
    codes = np.random.default_rng(3).random((500, 6)).astype(np.float32)
    codes[:, 1] = 2 * codes[:, 0] + 0.05 * codes[:, 1]
    codes[:, 2] = 1 - codes[:, 0] + 0.2 * codes[:, 2]
    codes[:, 5] = 0.7
    return codes


LABELS = np.arange(500) % 10


def test_a_profile_is_what_the_images_say_of_the_unit(codes):
    highest = float(codes[:, 0].max())
    found = profile_unit(Vectors(codes), LABELS, highest, 0, 5)
    values = codes[:, 0]
    active = values > 0.1 * highest
    assert found.density == active.mean()
    assert found.counts.sum() == 500
    np.testing.assert_allclose(
        found.class_means, [values[digit == LABELS].mean() for digit in range(10)], rtol=1e-5
    )
    assert list(found.strongest) == np.argsort(-values)[:5].tolist()
    between = values[list(found.middle)]
    assert abs(np.median(between) - np.median(values[active])) < 0.01
    assert active[list(found.random)].all()
    assert len(set(found.random)) == 5
    assert found.random == profile_unit(Vectors(codes), LABELS, highest, 0, 5).random


def test_the_units_it_goes_with_come_with_their_signs(codes):
    (first, second, third) = profile_unit(Vectors(codes), LABELS, 1.0, 0, 5).companions
    assert (first.unit, second.unit) == (1, 2)
    assert first.correlation == pytest.approx(np.corrcoef(codes[:, 0], codes[:, 1])[0, 1], abs=1e-4)
    assert second.correlation == pytest.approx(np.corrcoef(codes[:, 0], codes[:, 2])[0, 1], abs=1e-4)
    assert second.correlation < -0.9 < abs(third.correlation) < 0.3 or abs(third.correlation) < 0.3


def test_a_unit_that_never_fires_has_no_examples_and_goes_with_none(codes):
    codes[:, 5] = 0
    found = profile_unit(Vectors(codes), LABELS, 0.0, 5, 5)
    assert (found.density, found.strongest, found.middle, found.random, found.companions) == (
        0,
        (),
        (),
        (),
        (),
    )


def test_twins_of_a_model_with_itself_are_the_identity(codes):
    twins = match_units(Vectors(codes), Vectors(codes))
    assert twins.units.tolist() == list(range(6))
    np.testing.assert_allclose(twins.correlations, [1, 1, 1, 1, 1, 0], atol=1e-5)


def test_twins_are_found_whatever_their_order_and_scale(codes):
    order = np.array([3, 0, 4, 2, 5, 1])
    twins = match_units(Vectors(codes), Vectors(3 * codes[:, order]))
    assert order[twins.units[:5]].tolist() == list(range(5))
    assert sorted(twins.units.tolist()) == list(range(6))
    assert twins.median_correlation == pytest.approx(1, abs=1e-5)


def test_codes_of_two_sizes_have_no_twins(codes):
    with pytest.raises(AnalysisError, match="6 units has no twins among 4"):
        match_units(Vectors(codes), Vectors(codes[:, :4]))
