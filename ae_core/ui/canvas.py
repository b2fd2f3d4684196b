"""The canvas column: draw, undo, clear, place a test digit or a photo, and see what the model sees."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
import torch
from streamlit.runtime.scriptrunner import get_script_run_ctx
from torch import Tensor

from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.photo import ENDINGS, LARGEST_FILE, SIDE, ink_of_photo
from ae_core.errors import PictureError
from ae_core.render.maps import CELL_PIXELS, data_url, grey_picture, to_png
from ae_core.ui import keys, style
from ae_core.ui.problems import guard
from ae_core.ui.state import Sample, Stroke, lab

if TYPE_CHECKING:
    from streamlit_drawable_canvas import CanvasResult

_UNDO_DEPTH = 50
_nonces = count(1)


def draw() -> Tensor | None:
    """Draw the canvas; returns the picture as the model sees it, None while the canvas is blank."""
    from streamlit_drawable_canvas import st_canvas  # needs a running script

    st.header("Draw", anchor=False)
    _follow_address()
    result = st_canvas(
        stroke_width=keys.STROKE_WIDTH.get(),
        stroke_color="#ffffff",
        background_color="#000000",
        width=SIDE,
        height=SIDE,
        initial_drawing=lab().placed,
        return_image_data=True,
        key=keys.CANVAS.name,
    )
    if result.image_data is not None:
        _remember(result)
    _keep_address()
    return lab().picture


def controls(picture: Tensor | None) -> None:
    """What goes under the canvas: buttons, test digits, the upload, and what the model sees."""
    with st.container(horizontal=True, gap="small"):
        blank = not lab().strokes
        st.button("Undo", on_click=guard(_undo), disabled=blank, key=keys.UNDO)
        st.button("Clear", on_click=guard(clear), disabled=blank, key=keys.CLEAR)
    st.slider("Stroke width", 10, 40, key=keys.STROKE_WIDTH.name)
    st.caption(
        "Ctrl+Z takes back a stroke, Delete clears. Or place a test digit; the same button again gives "
        "another example."
    )
    with st.container(horizontal=True, gap="xsmall", key=keys.DIGITS):
        for digit in range(10):
            st.button(str(digit), on_click=guard(place_next), args=(digit,), key=f"digit_{digit}")
    with st.expander("Use a picture of your own"):
        st.file_uploader(
            f"Photo or scan of one digit, at most {LARGEST_FILE // 1024**2} MB",
            type=ENDINGS,
            key=keys.PHOTO.name,
            on_change=guard(_take_photo),
        )
        if lab().photo_problem is not None:
            st.error(lab().photo_problem)
        if lab().photo_warning is not None:
            st.warning(lab().photo_warning)
    with st.container(horizontal=True, vertical_alignment="center", wrap=False):
        if picture is None:
            seen = np.zeros((28, 28), dtype=np.float32)
            alt = "Nothing is drawn yet: the model sees nothing."
        else:
            seen = picture[0, 0].numpy()
            alt = "The drawing as the model sees it, 28 by 28 pixels."
        with st.container(width=84):
            style.show(style.picture(grey_picture(seen, CELL_PIXELS), alt))
        st.caption("What the model sees: 28 x 28, ink scaled into 20 x 20 and centred by mass, as in MNIST.")


def place(drawing: dict[str, Any], png: bytes | None) -> None:
    """Put a drawing onto the canvas, for callbacks: before the canvas itself runs."""
    data = None if png is None else data_url(png)
    # The canvas takes a drawing over only if it differs from the one before: hence the nonce.
    lab().placed = {**drawing, "nonce": next(_nonces)}
    keys.CANVAS.set({"drawing": {"raw": lab().placed, "data": data}, "backgroundFit": None})


def place_picture(image: np.ndarray, sample: Sample | None = None) -> None:
    """Put a square uint8 picture onto the canvas, ink white on black.

    Args:
        image: shape (side, side), of which the canvas's side is a multiple.
        sample: the test digit that it is, if it is one.
    """
    factor = SIDE // len(image)
    png = to_png(image.repeat(factor, axis=0).repeat(factor, axis=1))
    corner = {"left": 0, "top": 0, "originX": "left", "originY": "top"}
    drawing = {"objects": [{"type": "Image", "src": data_url(png), **corner}]}
    if sample is not None:
        lab().samples[_shapes(drawing)] = sample
    place(drawing, png)


def place_sample(digit: int, index: int) -> None:
    """Put an example of a digit onto the canvas; after the last test image of it comes the first again."""
    images, labels = load_mnist("test")
    examples = torch.nonzero(labels == digit).flatten()
    index %= len(examples)
    lab().examples_placed[digit] = index + 1
    chosen = examples[index : index + 1]
    place_picture(images[chosen[0], 0].numpy(), Sample(f"{digit}.{index}", to_float(images[chosen])))


def place_next(digit: int) -> None:
    """Put the next example of a digit onto the canvas."""
    place_sample(digit, lab().examples_placed.get(digit, 0))


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
    """Keep the canvas as a step for undo, with what the model sees of it.

    What a button placed comes back from the browser, redrawn with soft edges: the first version stays.
    """
    shapes = _shapes(canvas.json_data)
    strokes = lab().strokes
    if strokes and strokes[-1].shapes == shapes:
        return
    sample = lab().samples.get(shapes)
    picture = to_mnist(canvas.image_data) if sample is None else sample.picture
    if strokes or picture is not None:
        name = None if sample is None else sample.name
        strokes.append(Stroke(canvas.json_data, canvas.image_bytes, shapes, picture, name))
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


def _follow_address() -> None:
    """Show the test digit that the address names at first, and that to which Back or Forward leads.

    Back also leads to addresses without one: then the drawing is shown that was there before the test digits.
    An address that names anything else is ignored.
    """
    if lab().link_followed and not _is_back_or_forward():
        # What the browser says of its address may be older than what it was told.
        return
    lab().link_followed = True
    named = lab().address = keys.sample_in_address()
    strokes = lab().strokes
    if named == (strokes[-1].sample if strokes else None):
        return
    known = [index for index, stroke in enumerate(strokes) if stroke.sample == named]
    if known:
        del strokes[known[-1] + 1 :]
        place(strokes[-1].drawing, strokes[-1].png)
    elif named is None:
        clear()
    elif match := re.fullmatch(r"([0-9])\.([0-9]{1,4})", named):
        place_sample(int(match[1]), int(match[2]))


def _is_back_or_forward() -> bool:
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _keep_address() -> None:
    """Have the address name the test digit on the canvas, as long as nothing is drawn over it."""
    strokes = lab().strokes
    sample = strokes[-1].sample if strokes else None
    # Only a change is sent: each message replaces the whole address, what the browser has just put there too,
    # and adds an entry to the browser's history.
    if sample == lab().address:
        return
    lab().address = sample
    keys.name_sample_in_address(sample)


def _take_photo() -> None:
    """Put an uploaded picture onto the canvas; one that cannot be read leaves the drawing as it is."""
    lab().photo_problem = lab().photo_warning = None
    file = keys.PHOTO.get()
    if file is None:
        return
    try:
        ink, lab().photo_warning = ink_of_photo(file.getvalue())
    except PictureError as error:
        lab().photo_problem = str(error)
    else:
        place_picture(ink)
