"""The canvas column: draw, undo, clear, pick a test digit, and see what the model sees."""

from __future__ import annotations

import base64
import io
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
import torch
from PIL import Image
from torch import Tensor

from ae_core.data import load_mnist
from ae_core.drawing import to_mnist
from ae_core.figures import grey_picture
from ae_core.ui.state import Stroke, lab

if TYPE_CHECKING:
    from streamlit_drawable_canvas import CanvasResult

SIDE = 280
"""Pixels along the canvas; ten for each of MNIST's."""
CANVAS = "canvas"
_UNDO_DEPTH = 50
_nonces = count(1)


def draw() -> Tensor | None:
    """The canvas with its buttons; returns the picture as the model sees it, None while it is blank."""
    from streamlit_drawable_canvas import st_canvas  # needs a running script

    st.subheader("Draw", anchor=False)
    result = st_canvas(
        stroke_width=st.session_state.stroke_width,
        stroke_color="#ffffff",
        background_color="#000000",
        width=SIDE,
        height=SIDE,
        initial_drawing=lab().placed,
        return_image_data=True,
        key=CANVAS,
    )
    if result.image_data is not None:
        _remember(result)
    picture = lab().picture

    with st.container(horizontal=True, gap="small"):
        st.button("Undo", on_click=_undo, disabled=not lab().strokes, shortcut="Ctrl+Z", key="undo")
        st.button("Clear", on_click=clear, disabled=not lab().strokes, shortcut="Delete", key="clear")
    st.slider("Stroke width", 10, 40, key="stroke_width")
    st.caption("Or place a test digit; the same button again gives another example.")
    with st.container(horizontal=True, gap="xsmall", key="digits"):
        for digit in range(10):
            st.button(str(digit), on_click=_place_digit, args=(digit,), key=f"digit_{digit}")
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if picture is None:
            seen = np.zeros((28, 28), dtype=np.float32)
            alt = "Nothing is drawn yet: the model sees nothing."
        else:
            seen = picture[0, 0].numpy()
            alt = "The drawing as the model sees it, 28 by 28 pixels."
        st.image(grey_picture(seen), width=84, alt=alt)
        st.caption("What the model sees: 28 x 28, ink scaled into 20 x 20 and centred by mass, as in MNIST.")
    return picture


def place(drawing: dict[str, Any], png: bytes | None) -> None:
    """Put a drawing onto the canvas, for callbacks: before the canvas itself runs."""
    data = None if png is None else f"data:image/png;base64,{base64.b64encode(png).decode()}"
    # The canvas takes a drawing over only if it differs from the one before: hence the nonce.
    lab().placed = {**drawing, "nonce": next(_nonces)}
    st.session_state[CANVAS] = {"drawing": {"raw": lab().placed, "data": data}, "backgroundFit": None}


def place_picture(image: Tensor) -> None:
    """Put a uint8 picture (28, 28) onto the canvas, ten pixels for one."""
    buffer = io.BytesIO()
    enlarged = np.kron(image.numpy(), np.ones((SIDE // 28, SIDE // 28), dtype=np.uint8))
    Image.fromarray(enlarged).convert("RGB").save(buffer, format="PNG")
    source = f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    corner = {"left": 0, "top": 0, "originX": "left", "originY": "top"}
    place({"objects": [{"type": "Image", "src": source, **corner}]}, buffer.getvalue())


def clear() -> None:
    """Empty the canvas."""
    lab().strokes.clear()
    place({"objects": []}, None)


def _undo() -> None:
    strokes = lab().strokes
    strokes.pop()
    if strokes:
        place(strokes[-1].drawing, strokes[-1].png)
    else:
        clear()


def _remember(canvas: CanvasResult) -> None:
    """Add a step for undo, and keep what the model sees of it.

    What a button placed comes back from the browser, redrawn with soft edges: the first version stays.
    """
    shapes = _shapes(canvas.json_data)
    strokes = lab().strokes
    if strokes and strokes[-1].shapes == shapes:
        return
    picture = to_mnist(canvas.image_data)
    if strokes or picture is not None:
        strokes.append(Stroke(canvas.json_data, canvas.image_bytes, shapes, picture))
        del strokes[:-_UNDO_DEPTH]


def _shapes(drawing: dict[str, Any]) -> str:
    """What is drawn and where, without what the canvas adds when it draws it."""
    return repr(
        [
            (
                shape.get("src") or shape.get("path"),
                *(round(shape.get(name, 0)) for name in ("left", "top", "angle")),
                *(round(shape.get(name, 1), 2) for name in ("scaleX", "scaleY")),
            )
            for shape in drawing.get("objects", [])
        ]
    )


def _place_digit(digit: int) -> None:
    """Place the next test image of a digit."""
    images, labels = load_mnist("test")
    examples = torch.nonzero(labels == digit).flatten()
    index = lab().examples_placed.get(digit, 0)
    lab().examples_placed[digit] = index + 1
    place_picture(images[examples[index % len(examples)], 0])
