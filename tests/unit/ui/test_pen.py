"""Frames of the canvas as the page takes them. Needs torch and Streamlit."""

import base64

import numpy as np
import pytest
import torch

from ae_core.drawing import to_mnist
from ae_core.ui.pen import read_frame


def said(pixels, **others):
    return {"seq": 7, "after": 2, "pixels": base64.b64encode(pixels.tobytes()).decode(), **others}


def test_a_frame_is_what_the_model_would_see_of_the_canvas():
    canvas = np.zeros((140, 140), np.uint8)
    canvas[20:120, 60:80] = 255
    frame = read_frame(said(canvas))
    assert (frame.seq, frame.after) == (7, 2)
    assert torch.equal(frame.picture, to_mnist(canvas))
    assert read_frame(said(np.zeros((140, 140), np.uint8))).picture is None, "a blank canvas"


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "text",
        {},
        {"seq": 1},
        {"seq": 1, "after": 1, "pixels": "***"},
        {"seq": 1, "after": 1, "pixels": "AAAA"},
        said(np.zeros((140, 140), np.uint8), seq="x"),
        said(np.zeros((140, 140), np.uint8), after=None),
        said(np.zeros((141, 140), np.uint8)),
        {"seq": None, "pixels": ""},
    ],
)
def test_anything_else_is_no_frame(odd):
    assert read_frame(odd) is None
