"""Single units against decodings written out by hand. Needs torch and the bundled test images."""

import numpy as np
import pytest
import torch

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.analysis.units import (
    alter,
    contributions,
    example_pictures,
    mean_activations,
    measure_unit_use,
    strongest_units,
    with_units,
)
from ae_core.analysis.vectors import Vectors
from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder

IMAGES = load_mnist("test").images[:1500]


def sparse_model():
    return seeded_autoencoder(ModelConfig("sparse"), seed=1, gain=2.0).requires_grad_(False)


def used_over(images, examples=4):
    model = sparse_model()
    x = to_float(images)
    codes = model.encode(x)
    statistics = CodeStatistics.of(x, codes)
    return measure_unit_use(Vectors(codes.numpy()), statistics, examples), codes.numpy(), statistics


def test_the_strongest_units_come_first_and_silent_ones_not_at_all():
    code = np.array([0.0, 0.2, 0.9, 0.0, -0.5], np.float32)
    assert strongest_units(code, 2) == [2, 4]
    assert strongest_units(code, 5) == [2, 4, 1]
    assert strongest_units(np.zeros(5, np.float32), 3) == []


def test_units_are_set_in_a_copy():
    code = np.array([1.0, 2.0, 3.0], np.float32)
    assert with_units(code, {0: 0.0, 2: 5.0}).tolist() == [0, 2, 5]
    assert with_units(code, {}).tolist() == [1, 2, 3]
    assert code.tolist() == [1, 2, 3]


def test_a_contribution_is_the_picture_with_the_unit_minus_the_one_without():
    model = sparse_model()
    code = model.encode(to_float(IMAGES[:1]))[0]
    units = strongest_units(code.numpy(), 3)
    added = contributions(model, code.numpy(), units)
    assert added.shape == (3, 28, 28)
    for unit, one in zip(units, added, strict=True):
        silenced = code.clone()
        silenced[unit] = 0
        expected = model.decode(code[None]).clamp(0, 1) - model.decode(silenced[None]).clamp(0, 1)
        np.testing.assert_allclose(one, expected[0, 0], rtol=1e-4, atol=1e-5)
        assert np.abs(one).max() > 0
    assert contributions(model, code.numpy(), []).shape == (0, 28, 28)


def test_an_altered_code_is_decoded():
    model = sparse_model()
    x = to_float(IMAGES[:1])
    seen = inspect(model, x)
    one, other = strongest_units(seen.code, 2)
    found = alter(model, seen, {one: 0.0, other: 0.7})
    code = model.encode(x)
    code[0, one], code[0, other] = 0, 0.7
    expected = model.decode(code).clamp(0, 1)[0, 0].numpy()
    assert found.reconstruction.shape == (28, 28)
    np.testing.assert_allclose(found.reconstruction, expected, rtol=1e-4, atol=1e-5)
    assert found.mse == pytest.approx(float(np.mean((expected - x[0, 0].numpy()) ** 2)), rel=1e-4)
    assert found.change == pytest.approx(float(np.mean((expected - seen.reconstruction) ** 2)), rel=1e-3)
    assert found.change > 0


@pytest.mark.parametrize("units", [[], [14], range(64)], ids=["none", "one", "all"])
def test_units_set_to_their_own_values_change_nothing(units):
    seen = inspect(sparse_model(), to_float(IMAGES[:1]))
    whole = alter(sparse_model(), seen, {unit: float(seen.code[unit]) for unit in units})
    np.testing.assert_allclose(whole.reconstruction, seen.reconstruction, atol=1e-6)
    assert whole.mse == pytest.approx(seen.mse, rel=1e-5)
    assert whole.change == pytest.approx(0, abs=1e-12)


def test_the_examples_of_a_unit_are_the_images_that_activate_it_most():
    use, codes, _ = used_over(IMAGES)
    assert use.examples.shape == (64, 4)
    for unit in (0, 31, 63):
        np.testing.assert_allclose(codes[use.examples[unit], unit], np.sort(codes[:, unit])[::-1][:4])
    np.testing.assert_allclose(use.density, (codes > 0.1 * codes.max(0)).mean(0), rtol=1e-6)


def test_the_pictures_of_the_examples_are_the_images():
    use, *_ = used_over(IMAGES)
    pictures = example_pictures(IMAGES, use, [31, 5])
    assert pictures.shape == (2, 4, 28, 28)
    np.testing.assert_allclose(pictures[1, 3], IMAGES[use.examples[5, 3], 0].numpy() / 255, rtol=1e-6)


def test_of_two_units_in_the_middle_the_lower_density_counts_as_in_torch():
    use, *_ = used_over(IMAGES[:200])
    assert use.median_density == torch.from_numpy(use.density).median().item()
    assert len(set(use.density.tolist())) > 2


def test_mean_activations_are_the_columns_means():
    _, codes, statistics = used_over(IMAGES[:200])
    np.testing.assert_allclose(mean_activations(statistics), codes.mean(0), rtol=1e-4, atol=1e-6)
