"""What a change does to code and reconstruction, against formulas written out. Needs torch."""

import numpy as np
import pytest
import torch

from ae_core.analysis.robustness import change_between, respond, response_curve
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder

X = to_float(load_mnist("test").images[:1])
CHANGED = to_float(load_mnist("test").images[1:4])
SPREAD = 0.7


def rms(values):
    return float(np.sqrt(np.mean(values.astype(float) ** 2)))


def passed_through(kind, x):
    with torch.no_grad():
        code, reconstruction = seeded_autoencoder(ModelConfig(kind), seed=3)(x)
    return code[0].numpy(), reconstruction.clamp(0, 1)[0, 0].numpy()


def expected_response(kind, changed):
    (code, before), (moved, after) = passed_through(kind, X), passed_through(kind, changed)
    x = X[0, 0].numpy()
    return after, np.linalg.norm(moved - code) / SPREAD, rms(after - before), rms(after - x)


def test_a_change_is_two_pictures_and_their_distance():
    change = change_between(X, CHANGED[:1])
    np.testing.assert_array_equal(change.before, X[0, 0])
    np.testing.assert_array_equal(change.after, CHANGED[0, 0])
    assert change.distance == pytest.approx(float(np.linalg.norm(change.after - change.before)), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_is_what_the_changed_picture_passes_through_to(kind):
    model = seeded_autoencoder(ModelConfig(kind), seed=3)
    found = respond(model, X, CHANGED[:1], SPREAD)
    after, code_moved, reconstruction_moved, distance = expected_response(kind, CHANGED[:1])
    np.testing.assert_allclose(found.reconstruction, after, atol=1e-5)
    assert found.code_moved == pytest.approx(code_moved, rel=1e-4)
    assert found.reconstruction_moved == pytest.approx(reconstruction_moved, rel=1e-3)
    assert found.distance_to_unchanged == pytest.approx(distance, rel=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_curve_has_the_response_to_each_change(kind):
    found = response_curve(seeded_autoencoder(ModelConfig(kind), seed=3), X, CHANGED, SPREAD)
    expected = [expected_response(kind, changed[None]) for changed in CHANGED]
    assert found.code_moved == pytest.approx([one[1] for one in expected], rel=1e-4)
    assert found.distance_to_unchanged == pytest.approx([one[3] for one in expected], rel=1e-4)


def test_a_code_that_never_changes_has_no_spread_to_move_by():
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3)
    assert respond(model, X, CHANGED[:1], 0.0).code_moved is None
    assert response_curve(model, X, CHANGED, 0.0).code_moved is None
