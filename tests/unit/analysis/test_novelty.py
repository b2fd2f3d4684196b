"""How unusual a picture is, against computations written out here. Needs torch, scikit-learn and MNIST."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from ae_core.analysis import novelty
from ae_core.analysis.novelty import detect_others, get_familiar, look_at
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.data import MNIST, Mnist, load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.samples import SAMPLES
from ae_core.drawing.strokes import from_text, ink_of, to_text


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(novelty, "TRAINING_CODES", 800)
    monkeypatch.setattr(novelty, "TEST_DIGITS", 300)


@pytest.fixture
def model():
    return load_checkpoint(ladder_paths("sparse")[5e-3]).model


def part(split, count):
    whole = load_mnist(split)
    return Mnist(whole.images[:count], whole.labels[:count])


def few_images(train, test):
    return replace(MNIST, load={"train": train, "test": test}.__getitem__)


@torch.no_grad()
def oracle(model, x, known):
    """Error and mean distance to the five nearest codes, one image at a time in float64."""
    codes = model.encode(known).double().numpy()
    errors, distances, nearest = [], [], []
    for one in x:
        code, reconstruction = model(one[None])
        errors.append(((reconstruction.clamp(0, 1) - one).double() ** 2).mean().item())
        away = np.sqrt(((codes - code.double().numpy()) ** 2).sum(1))
        nearest.append(np.argsort(away)[:5])
        distances.append(np.sort(away)[:5].mean())
    return np.array(errors), np.array(distances), nearest


def test_a_picture_is_placed_among_the_test_digits(model):
    train, test = part("train", 3000), part("test", 2000)
    digits = (0, 1, 2)
    familiar = get_familiar(model, few_images(train, test), digits)
    trained = np.isin(train.labels.numpy(), digits).nonzero()[0][:800]
    known = to_float(train.images[trained])
    usual = to_float(test.images[np.isin(test.labels.numpy(), digits)][:300])
    errors, distances, _ = oracle(model, usual, known)
    np.testing.assert_allclose(familiar.errors, np.sort(errors), rtol=1e-4)
    np.testing.assert_allclose(familiar.distances, np.sort(distances), rtol=1e-3)
    x = to_float(test.images[1500:1501])
    found = look_at(model, familiar, x)
    (error,), (distance,), (nearest,) = oracle(model, x, known)
    assert found.error == pytest.approx(error, rel=1e-4)
    assert found.distance == pytest.approx(distance, rel=1e-3)
    assert found.error_percentile == pytest.approx(100 * np.mean(errors < error), abs=0.4)
    assert found.distance_percentile == pytest.approx(100 * np.mean(distances < distance), abs=0.4)
    assert list(found.nearest) == list(trained[nearest])


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_no_digit_is_unusual_and_fits_into_a_link(name, model):
    drawn = list(SAMPLES[name])
    assert from_text(to_text(drawn)) == drawn
    x = to_mnist(ink_of(drawn, 280))
    found = look_at(model, get_familiar(model, few_images(part("train", 2000), part("test", 400)), None), x)
    assert found.error_percentile > 95
    assert found.distance_percentile > 80


def test_the_others_are_told_by_the_error(model):
    test = part("test", 1000)
    found = detect_others(model, test, (0, 1))
    with torch.no_grad():
        x = to_float(test.images)
        errors = ((model(x).reconstruction.clamp(0, 1) - x) ** 2).mean((1, 2, 3)).numpy()
    others = ~np.isin(test.labels.numpy(), (0, 1))
    assert found.area == pytest.approx(roc_auc_score(others, errors), abs=1e-6)
    assert found.area == pytest.approx(np.trapezoid(found.found, found.false_alarms), abs=1e-6)
    assert (found.false_alarms[0], found.found[-1]) == (0, 1)


@pytest.mark.parametrize("digits", [range(10), ()])
def test_without_others_there_is_nothing_to_tell(digits, model):
    with pytest.raises(ValueError, match="of digits that the model knows and of others"):
        detect_others(model, part("test", 100), digits)
