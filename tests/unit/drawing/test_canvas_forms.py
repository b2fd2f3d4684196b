"""Canvases of every colour, type and shape, read and never written. Needs numpy, Pillow and torch."""

import numpy as np
import pytest
import torch

from ae_core.drawing import to_mnist
from tests.unit.drawing.canvases import SIDE, STROKES, drawn


@pytest.mark.parametrize("shape", STROKES)
def test_grey_rgb_and_rgba_agree(shape):
    grey = drawn(shape)
    # Levels between black and white show a conversion that weighs the channels wrongly.
    grey = (grey // 255 * np.linspace(1, 255, SIDE).astype(np.uint8)).astype(np.uint8)
    rgb = np.stack([grey] * 3, axis=2)
    opaque = np.dstack([rgb, np.full_like(grey, 255)])
    expected = to_mnist(grey)
    assert torch.equal(to_mnist(rgb), expected)
    assert torch.equal(to_mnist(opaque), expected)


def test_transparent_ink_counts_by_its_alpha():
    alpha = (drawn("four") // 255 * np.linspace(1, 255, SIDE).astype(np.uint8)).astype(np.uint8)
    white = np.full_like(alpha, 255)
    torch.testing.assert_close(
        to_mnist(np.dstack([white, white, white, alpha])), to_mnist(alpha), rtol=0, atol=1.01 / 255
    )
    half = np.full_like(alpha, 128)
    expected = to_mnist(np.round(alpha * (128 / 255)).astype(np.uint8))
    torch.testing.assert_close(
        to_mnist(np.dstack([half, half, half, alpha])), expected, rtol=0, atol=2.01 / 255
    )


def test_only_the_ink_s_brightness_counts_for_its_box():
    # What is transparent is no ink, whatever its colour.
    canvas = np.full((SIDE, SIDE, 4), (255, 255, 255, 0), np.uint8)
    ink = drawn("four")
    canvas[..., 3] = ink
    assert torch.equal(to_mnist(canvas), to_mnist(ink))


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((SIDE, SIDE), np.float32),
        np.ones((SIDE, SIDE), np.float64),
        np.ones((SIDE, SIDE), bool),
        np.ones((SIDE, SIDE), np.int64),
        np.ones((SIDE, SIDE), np.uint16),
        np.ones(SIDE, np.uint8),
        np.ones((), np.uint8),
        np.ones((SIDE, SIDE, 1), np.uint8),
        np.ones((SIDE, SIDE, 2), np.uint8),
        np.ones((SIDE, SIDE, 5), np.uint8),
        np.ones((4, SIDE, SIDE), np.uint8),
        np.ones((1, SIDE, SIDE, 4), np.uint8),
    ],
    ids=lambda image: f"{image.dtype} {image.shape}",
)
def test_another_type_or_shape_is_a_value_error(image):
    with pytest.raises(ValueError, match="uint8"):
        to_mnist(image)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_canvas_is_read_and_never_written(channels):
    ink = drawn("six")
    canvas = np.dstack([ink] * channels) if channels > 1 else ink.copy()
    canvas.flags.writeable = False
    before = canvas.copy()
    picture = to_mnist(canvas)
    # The picture is nobody's view either: painting over it leaves the canvas alone.
    picture.fill_(0.5)
    np.testing.assert_array_equal(canvas, before)


def test_a_view_with_strides_of_its_own_is_read_like_its_copy():
    ink = drawn("six")
    for view in (ink[::2, ::2], ink[:, ::-1], ink.T):
        assert torch.equal(to_mnist(view), to_mnist(np.ascontiguousarray(view)))
