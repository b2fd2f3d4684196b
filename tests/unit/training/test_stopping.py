"""When a training stops by itself."""

import pytest

from ae_core.training.observer import Observation
from ae_core.training.stopping import StopRule


def observed(*errors, every=10):
    return [Observation(every * (index + 1), error, 2 * error) for index, error in enumerate(errors)]


def test_it_stops_below_the_wanted_error_and_not_at_it():
    rule = StopRule(below=0.01)
    assert rule.reason(observed(0.5, 0.01), 100) is None
    assert rule.reason(observed(0.5, 0.0099), 100) == "The test MSE on up to 500 test images fell below 0.01."


def test_it_stops_after_so_many_epochs_without_a_better_error():
    rule = StopRule(patience=2)
    assert rule.reason(observed(0.3, 0.2, 0.21, 0.25), 10) == (
        "The test MSE on up to 500 test images had not become better for 2 epochs."
    )
    assert rule.reason(observed(0.3, 0.2, 0.21), 10) is None
    assert rule.reason(observed(0.3, 0.2, 0.21, 0.19), 10) is None
    assert "for an epoch." in StopRule(patience=1).reason(observed(0.2, 0.2), 10)


def test_without_a_condition_or_an_observation_it_goes_on():
    assert not StopRule()
    assert StopRule().reason(observed(0.1, 0.2, 0.3), 1) is None
    assert StopRule(below=1.0).reason([], 1) is None


@pytest.mark.parametrize(
    "values", [{"below": 0.0}, {"below": -1.0}, {"below": float("nan")}, {"patience": 0}, {"patience": 1.5}]
)
def test_an_impossible_condition_is_refused(values):
    with pytest.raises(ValueError, match=r"must be a (whole )?number"):
        StopRule(**values)
