"""The left column: the canvas with its bar, what the model sees, the noise on it, test digits and photos."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis import page_start
from ae_core.drawing.photo import ENDINGS, LARGEST_FILE, SIDE, ink_of_photo
from ae_core.drawing.samples import SAMPLES
from ae_core.errors import PictureError
from ae_core.ui import corner, drawn, keys, markup, reading, shown_model
from ae_core.ui.parts import draw_live_first
from ae_core.ui.problems import guard
from ae_core.ui.state import lab

_MOST_BUTTONS = 12
"""For classes."""


def column() -> None:
    """Draw the column."""
    # A finished stroke, a button, a link: whatever the page runs for, the stroke at work is over.
    lab().frame = None
    drawn.remember()
    _bar()
    _canvas()
    _noise()
    choice, seen = shown_model.choice(), lab().see(keys.NOISE.get())
    reading.show(choice, seen)
    if not lab().data.is_mnist:
        _classes()
    with st.container(horizontal=True, gap=None, key=keys.DIGITS):
        for digit in range(10) if lab().data.is_mnist else ():
            st.button(
                str(digit),
                on_click=guard(drawn.place_next),
                args=(digit,),
                key=f"digit_{digit}",
                help=f"Place a {digit} of the test set; again for another one" if digit == 0 else None,
            )
        for name in SAMPLES:
            st.button(
                name,
                on_click=guard(drawn.place_strokes),
                args=(SAMPLES[name],),
                key=f"sample_{name}",
                help="No digit: what does the model make of it? Meaning tells how unusual it is.",
            )
    corner.show(choice, seen)


def _classes() -> None:
    """Buttons that place test images of a set of one's own: one per class, or a list of many."""
    classes = lab().data.classes
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", key="classes"):
        if 0 < len(classes) <= _MOST_BUTTONS:
            for label, name in enumerate(classes):
                tip = f"Place a test image of {name}; again for another one"
                st.button(
                    markup.plain(name),
                    on_click=guard(drawn.place_next),
                    args=(label,),
                    key=f"class_{label}",
                    help=markup.plain(tip) if label == 0 else None,
                )
            return
        chosen: int | None = None
        if classes:
            chosen = st.selectbox(
                "Class", range(len(classes)), format_func=classes.__getitem__, key="class_of_sample"
            )
        st.button("Place a test image", on_click=guard(drawn.place_next), args=(chosen,), key="place_image")


def _bar() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=keys.CANVAS_BAR):
        st.markdown("**Draw**", width="content")
        blank = not lab().strokes
        st.button("Undo", on_click=guard(drawn.undo), disabled=blank, key=keys.UNDO, help="Ctrl+Z")
        st.button("Clear", on_click=guard(drawn.clear), disabled=blank, key=keys.CLEAR, help="Delete")
        with st.popover("More", key="pen_and_photo"):
            st.slider("Stroke width", 10, 40, key=keys.STROKE_WIDTH.name)
            st.file_uploader(
                f"Photo or scan of one digit, at most {LARGEST_FILE // 1024**2} MB",
                type=ENDINGS,
                key=keys.PHOTO.name,
                on_change=guard(_take_photo),
            )
            st.caption(
                "It is scaled into 20 x 20 pixels and centred by its mass, as the digits of MNIST are."
            )
    if lab().photo_problem is not None:
        st.error(lab().photo_problem)
    if lab().photo_warning is not None:
        st.warning(lab().photo_warning)


def _canvas() -> None:
    from streamlit_drawable_canvas import st_canvas  # needs a running script

    st_canvas(
        stroke_width=keys.STROKE_WIDTH.get(),
        stroke_color="#ffffff",
        background_color="#000000",
        width=SIDE,
        height=SIDE,
        initial_drawing=lab().placed,
        return_image_data=True,
        key=keys.CANVAS.name,
    )


def _noise() -> None:
    """Noise on what the models see, and its shaking."""
    with st.container(key=keys.SHAKE, horizontal=True, vertical_alignment="bottom", gap="small"):
        st.slider(
            "Noise",
            0.0,
            page_start.LARGEST_NOISE,
            step=page_start.NOISE_STEP,
            key=keys.NOISE.name,
            help=page_start.NOISE_MEANING,
            on_change=guard(draw_live_first),
        )
        st.toggle(
            "Shake",
            key=keys.SHAKING.name,
            disabled=keys.NOISE.get() == 0,
            help="Draws the noise anew, four times per second." if keys.NOISE.get() else "Add noise first.",
        )


def _take_photo() -> None:
    """Put an uploaded picture onto the canvas; one that cannot be read leaves the drawing as it is."""
    file = keys.PHOTO.get()
    if lab().was_taken(file):
        return
    lab().photo_problem = lab().photo_warning = None
    if file is None:
        return
    try:
        ink, lab().photo_warning = ink_of_photo(file.getvalue())
    except PictureError as error:
        lab().photo_problem = str(error)
    else:
        drawn.place_photo(ink)
