"""What is known of a model: each value under its stored name, there and back. Needs only Python."""

from dataclasses import replace

import pytest

from ae_core.analysis import glossary
from ae_core.analysis.metrics import NAMES, NOISES, JacobianMetrics, Metrics, PartialMetrics, from_stored

METRICS = Metrics(
    test_mse=0.01,
    code_shift={0.1: 0.2, 0.2: 0.4, 0.3: 0.6},
    denoising_mse={0.1: 0.02, 0.2: 0.04, 0.3: 0.06},
    l0=3.5,
    active_units=2.5,
    dead_units=1,
    hoyer=0.25,
    code_variance=4.0,
    pixel_variance=50.0,
    mean_activation=(0.5, 0.0),
    max_activation=(1.0, 0.0),
    jacobians=JacobianMetrics(7.0, 0.125, 9.0),
)
QUICK = replace(METRICS, jacobians=None)
CONSTANT = replace(
    METRICS, code_shift=dict.fromkeys(NOISES), code_variance=0.0, jacobians=JacobianMetrics(0.0, None, 0.0)
)


@pytest.mark.parametrize("metrics", [METRICS, QUICK, CONSTANT], ids=["whole", "quick", "constant"])
def test_what_is_stored_comes_back(metrics):
    assert from_stored(metrics.as_dict()) == metrics


def test_the_stored_names_and_their_order_are_those_of_every_file():
    assert tuple(METRICS.as_dict()) == NAMES
    assert " ".join(NAMES) == (
        "test_mse code_shift_0.1 code_shift_0.2 code_shift_0.3 denoising_mse_0.1 denoising_mse_0.2 "
        "denoising_mse_0.3 l0 active_units dead_units hoyer code_variance pixel_variance mean_activation "
        "max_activation jacobian_sq_norm relative_sensitivity reconstruction_jacobian_sq_norm"
    )
    assert METRICS.as_dict()["code_shift_0.2"] == 0.4
    assert METRICS.as_dict()["mean_activation"] == [0.5, 0.0]


def test_a_value_is_found_under_its_stored_name():
    stored = METRICS.as_dict()
    assert {name: METRICS.value_of(name) for name in METRICS.scalars()} == METRICS.scalars()
    assert METRICS.scalars().items() <= stored.items()
    assert stored.keys() - METRICS.scalars().keys() == {"mean_activation", "max_activation"}
    for name in (*glossary.ON_THE_TEST_SET, *(cost for costs in glossary.COSTS.values() for cost in costs)):
        assert METRICS.value_of(name) == stored[name]


def test_what_is_undefined_or_not_measured_has_no_value_and_another_name_is_a_mistake():
    assert CONSTANT.value_of("code_shift_0.2") is CONSTANT.value_of("relative_sensitivity") is None
    assert QUICK.value_of("jacobian_sq_norm") is None
    assert "jacobian_sq_norm" not in QUICK.scalars()
    for name in ("code_shift", "code_shift_0.4", "mean_activation", "jacobians", "mse"):
        with pytest.raises(KeyError):
            METRICS.value_of(name)


@pytest.mark.parametrize("missing", NAMES)
def test_a_file_that_says_all_but_one_value_keeps_the_others(missing):
    stored = METRICS.as_dict()
    del stored[missing]
    found = from_stored(stored)
    assert isinstance(found, PartialMetrics)
    if missing == "active_units":
        # Before there was this name, the two others meant something else.
        stored = {name: stored[name] for name in stored if name not in ("l0", "dead_units")}
        stored["active_units"] = METRICS.l0
    assert found.as_dict() == stored
    assert from_stored(found.as_dict()) == found


@pytest.mark.parametrize("name", NAMES)
def test_an_undefined_value_is_one_only_where_there_can_be_one(name):
    found = from_stored(METRICS.as_dict() | {name: None})
    if name.startswith("code_shift") or name == "relative_sensitivity":
        assert found.value_of(name) is None
    else:
        assert isinstance(found, PartialMetrics)
        assert name not in found.as_dict()


def test_names_that_mean_nothing_are_left_out():
    assert from_stored(METRICS.as_dict() | {"another": 1.0, "": 2, "kind": 3}) == METRICS
    assert from_stored({"another": 1.0, "l0": 3, "active_units": 2.0}) == PartialMetrics(
        {"l0": 3, "active_units": 2.0}
    )
    assert from_stored({}) == PartialMetrics({})


def test_any_number_of_a_file_is_one():
    found = from_stored(METRICS.as_dict() | {"test_mse": 10**300, "dead_units": -1e300, "l0": 3})
    assert (found.test_mse, found.dead_units, found.l0) == (1e300, int(-1e300), 3.0)
