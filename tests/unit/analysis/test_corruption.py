"""Small changes of pictures against numpy's and torchvision's. Needs torch and torchvision."""

import math

import numpy as np
import pytest
import torch
from PIL.Image import Resampling
from torchvision.transforms.v2 import functional as transforms

from ae_core.analysis.corruption import CORRUPTIONS, add_noise, add_noise_of_distance, corrupt, corrupt_by
from ae_core.data import load_mnist, to_float


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


@pytest.mark.parametrize("strength", [0.25, 1.0, 2.0, 3.75])
def test_shift_turn_and_blur_are_torchvision_s(digit, strength):
    moved = transforms.affine(digit, 0.0, [strength, 0.0], 1.0, [0.0, 0.0], Resampling.BILINEAR)
    torch.testing.assert_close(corrupt("Shift", digit, strength), moved, rtol=0, atol=1e-5)
    turned = transforms.rotate(digit, 10 * strength, Resampling.BILINEAR)
    torch.testing.assert_close(corrupt("Rotation", digit, 10 * strength), turned, rtol=0, atol=1e-5)
    sigma = strength / 2
    blurred = transforms.gaussian_blur(digit, [2 * math.ceil(3 * sigma) + 1] * 2, [sigma] * 2)
    torch.testing.assert_close(corrupt("Blur", digit, sigma), blurred, rtol=0, atol=1e-5)


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


@pytest.mark.parametrize("name", CORRUPTIONS)
@pytest.mark.parametrize("count", [2, 9, 1000])
def test_a_curve_s_strengths_are_those_on_offer_from_none_to_the_largest(name, count):
    """An erased square has whole sides: a point plotted at 1.75 would be one of 2."""
    kind = CORRUPTIONS[name]
    strengths = np.array(kind.strengths(count))
    assert strengths[0] == 0
    assert strengths[-1] == pytest.approx(kind.largest)
    assert len(strengths) <= count
    assert (np.diff(strengths) > 0).all()
    np.testing.assert_allclose(strengths / kind.step, np.round(strengths / kind.step), atol=1e-6)


def test_every_erased_side_on_offer_is_the_side_that_is_erased():
    for side in CORRUPTIONS["Erasing"].strengths(9)[1:]:
        gone = (corrupt("Erasing", torch.ones(1, 1, 28, 28), side) == 0).sum().item()
        assert gone == side**2


def test_noise_is_clamped_and_says_so(digit):
    noisy = corrupt("Noise", digit, 0.5)
    assert noisy.min() == 0
    assert noisy.max() == 1
    assert "clamped" in CORRUPTIONS["Noise"].unit


def test_noise_is_numpys_sum_clipped_and_the_same_for_the_same_generator(digit):
    one, again = (add_noise(digit, 0.3, torch.Generator().manual_seed(5)) for _ in range(2))
    drawn = torch.randn(digit.shape, generator=torch.Generator().manual_seed(5)).numpy()
    np.testing.assert_allclose(one, np.clip(digit.numpy() + 0.3 * drawn, 0, 1), atol=1e-6)
    assert torch.equal(one, again)


def test_a_series_has_each_strength_of_a_change(digit):
    strengths = [0.0, 1.0, 2.5]
    series = corrupt_by("Shift", digit, strengths)
    assert series.shape == (3, 1, 28, 28)
    for one, strength in zip(series, strengths, strict=True):
        assert torch.equal(one[None], corrupt("Shift", digit, strength))


def test_noise_of_a_distance_has_it_and_stays_in_the_picture(digit):
    noisy = add_noise_of_distance(digit, 2.5, 10)
    assert noisy.shape == (10, 1, 28, 28)
    assert 0 <= noisy.min() <= noisy.max() <= 1
    np.testing.assert_allclose((noisy - digit).flatten(1).norm(dim=1), 2.5, rtol=1e-4)
    assert not torch.equal(noisy[0], noisy[1])
