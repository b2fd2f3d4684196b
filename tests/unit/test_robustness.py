"""Small changes of pictures against numpy's, and the distance that codes move. Needs torch, torchvision."""

import numpy as np
import pytest
import torch

from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.metrics import CodeStatistics
from ae_core.model import seeded_autoencoder
from ae_core.robustness import CORRUPTIONS, code_shift, corrupt


@pytest.fixture
def digit():
    return to_float(load_mnist("test").images[:1])


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_strength_of_zero_changes_nothing(name, digit):
    assert torch.equal(corrupt(name, digit, 0.0), digit)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_strength_changes_alike_and_a_greater_one_more(name, digit):
    kind = CORRUPTIONS[name]
    filled = digit.clone()
    filled[..., 8:20, 8:20] = 0.8
    one, again, more = (corrupt(name, filled, by) for by in (kind.initial, kind.initial, kind.largest))
    assert torch.equal(one, again)
    assert one.shape == filled.shape
    assert 0 <= one.min() <= one.max() <= 1 + 1e-6
    assert 0 < (one - filled).norm() < (more - filled).norm()


def test_a_shift_of_whole_pixels_is_numpys(digit):
    expected = np.zeros((28, 28), np.float32)
    expected[:, 3:] = digit[0, 0, :, :-3]
    np.testing.assert_allclose(corrupt("Shift", digit, 3.0)[0, 0], expected, atol=1e-5)


def test_a_quarter_turn_is_numpys(digit):
    np.testing.assert_allclose(corrupt("Rotation", digit, 90.0)[0, 0], np.rot90(digit[0, 0]), atol=1e-4)


def test_blur_keeps_the_ink_and_spreads_it(digit):
    blurred = corrupt("Blur", digit, 1.0)
    assert blurred.sum().item() == pytest.approx(digit.sum().item(), rel=2e-2)
    assert blurred.square().sum() < 0.9 * digit.square().sum()


def test_erasing_blackens_a_square_in_the_middle():
    erased = corrupt("Erasing", torch.ones(1, 1, 28, 28), 6.0)[0, 0]
    expected = np.ones((28, 28))
    expected[11:17, 11:17] = 0
    np.testing.assert_array_equal(erased, expected)


def test_noise_has_the_given_strength():
    noisy = corrupt("Noise", torch.full((1, 1, 28, 28), 0.5), 0.1)
    assert noisy.std().item() == pytest.approx(0.1, rel=0.1)


def test_a_negative_strength_is_refused(digit):
    with pytest.raises(ValueError, match="strength"):
        corrupt("Blur", digit, -1.0)


def test_the_shift_of_a_code_is_its_distance_over_the_spread(digit):
    model = seeded_autoencoder(ModelConfig("contractive"), seed=2).requires_grad_(False)
    images = to_float(load_mnist("test").images[:50])
    codes = model.encode(images)
    statistics = CodeStatistics.of(images, codes)
    spread = (codes - codes.mean(0)).square().sum(1).mean().sqrt()
    found = code_shift(model, digit, torch.cat([digit, images[1:2]]), statistics)
    assert found[0] == 0
    assert found[1] == pytest.approx(((codes[1] - codes[0]).norm() / spread).item(), rel=1e-5)


def test_a_constant_code_has_no_spread_to_compare_with(digit):
    model = seeded_autoencoder(ModelConfig("contractive"), seed=2)
    constant = CodeStatistics(torch.zeros(1152), torch.zeros(1152), 0.0, 50.0)
    assert code_shift(model, digit, digit, constant) is None
