"""The stroke at work: frames of the canvas while the pen is down, before the canvas tells of the stroke."""

from __future__ import annotations

import base64
import binascii
import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ae_core.drawing import to_mnist
from ae_core.render.maps import data_url, grey_picture, to_png
from ae_core.ui import keys
from ae_core.ui.canvas_states import Frame
from ae_core.ui.state import lab

_SIDE = 140
"""Of a frame, in pixels: the script's `SIDE`."""


@cache
def script(name: str) -> str:
    """The text of a script in `ui/scripts`."""
    return (Path(__file__).parent / "scripts" / name).read_text(encoding="utf-8")


def follow(seen: np.ndarray | None, result: np.ndarray | None, reading: str) -> None:
    """Listen to the pen; a frame that comes reruns the fragment in which this is called.

    Args:
        seen: what the models see now, shape (28, 28), for the picture in the canvas's corner; None: nothing.
        result: likewise what A makes of it.
        reading: what the codes are read as, as HTML.
    """
    # Here and not at import: a component is registered from a running script only.
    listen = st.components.v2.component("pen", js=script("pen.js"), html="<div></div>")
    strokes = lab().strokes
    listen(
        key=keys.PEN.name,
        data={
            "drawnAt": time.time(),
            "seq": lab().last_frame,
            "told": lab().canvas_told,
            "replaced": bool(strokes) and strokes[-1].is_start,
            "pictures": {".corner img": _url(seen), ".result img": _url(result)},
            "parts": {".reading": reading},
        },
        on_frame_change=_take,
    )


def _url(picture: np.ndarray | None) -> str | None:
    return None if picture is None else data_url(to_png(grey_picture(picture, len(picture))))


def _take() -> None:
    frame = read_frame(keys.PEN.get().frame)
    if frame is None:
        return
    lab().last_frame = frame.seq
    if frame.after == lab().canvas_told:
        lab().frame = frame
    # Any other was on its way when the stroke was finished, or taken back: it is at work no more.


def read_frame(said: Any) -> Frame | None:  # noqa: ANN401 - whatever the browser sends
    """A frame as the script sends it; None for anything else.

    Args:
        said: `seq` and `after`, numbers, and `pixels`, a byte each, row by row, in base64.
    """
    try:
        pixels = np.frombuffer(base64.b64decode(said["pixels"], validate=True), dtype=np.uint8)
        picture = to_mnist(pixels.reshape(_SIDE, _SIDE))
        return Frame(int(said["seq"]), int(said["after"]), picture)
    except (TypeError, KeyError, ValueError, binascii.Error):
        return None
