"""What is on the canvas: its history, what buttons, links and files put there, and how a link says it."""

from __future__ import annotations

import hashlib
import io
import re
from itertools import count
from typing import Any

import numpy as np
import torch
from PIL import Image

from ae_core.analysis.page_start import STARTING_DIGIT
from ae_core.data import MNIST, DataSet, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.photo import SIDE
from ae_core.drawing.strokes import PenStroke, from_text, ink_of, strokes_of, to_text
from ae_core.errors import DataError, PictureError
from ae_core.render.maps import data_url, to_png
from ae_core.ui import keys
from ae_core.ui.canvas_states import Placed, Stroke, pack
from ae_core.ui.state import lab

_UNDO_DEPTH = 50
_LONGEST_IN_ADDRESS = 4000
"""Characters: browsers and servers cut longer addresses."""
_nonces = count(1)


def put(drawing: dict[str, Any], png: bytes | None) -> None:
    """Put a drawing onto the canvas, for callbacks: before the canvas itself runs."""
    data = None if png is None else data_url(png)
    # What it takes the place of the browser may tell once more, before it has heard of this.
    lab().canvas_outdated = (lab().canvas_outdated | {lab().canvas_shapes}) - {_shapes(drawing)}
    # The canvas takes a drawing over only if it differs from the one before: hence the nonce.
    lab().placed = {**drawing, "nonce": next(_nonces)}
    keys.CANVAS.set({"drawing": {"raw": lab().placed, "data": data}, "backgroundFit": None})


def place(placed: Placed) -> None:
    """Put a picture onto the canvas."""
    corner = {"left": 0, "top": 0, "originX": "left", "originY": "top"}
    drawing = {"objects": [{"type": "Image", "src": data_url(placed.png), **corner}]}
    known = lab().placed_by_shapes
    shapes = _shapes(drawing)
    known.pop(shapes, None)
    known[shapes] = placed
    # Twice as many as strokes: some were taken back.
    for oldest in list(known)[: -2 * _UNDO_DEPTH]:
        del known[oldest]
    put(drawing, placed.png)


def place_photo(ink: np.ndarray) -> None:
    """Put the ink of a photo onto the canvas, uint8, shape (SIDE, SIDE)."""
    place(Placed(to_mnist(ink), to_png(ink), pen=None))


def place_sample(digit: int, index: int, is_start: bool = False) -> None:
    """Put an example of a digit of MNIST onto the canvas, as links name it; after the last one the first."""
    images, labels = MNIST.labelled("test")
    examples = torch.nonzero(labels == digit).flatten()
    index %= len(examples)
    lab().examples_placed[digit] = index + 1
    chosen = examples[index : index + 1]
    ink = _enlarged(images[chosen[0], 0].numpy())
    name = None if is_start else f"{digit}.{index}"
    place(Placed(to_float(images[chosen]), to_png(ink), name, is_start=is_start))


def _place_image(data: DataSet, index: int) -> None:
    """Put a test image of a set of one's own onto the canvas: like a photo, it is in no link."""
    image = data.images("test")[index : index + 1]
    place(Placed(to_float(image), to_png(_enlarged(image[0, 0].numpy())), pen=None))


def place_strokes(pen: tuple[PenStroke, ...]) -> None:
    """Put strokes onto the empty canvas."""
    place(_painted(pen))


def place_test_image(index: int) -> None:
    """Put a test image of the page's set onto the canvas, by its index; of one that is not there nothing."""
    data = lab().data
    if index >= len(data.images("test")):
        return
    if not data.is_mnist:
        _place_image(data, index)
        return
    labels = data.labelled("test").labels
    digit = int(labels[index])
    place_sample(digit, int((labels[:index] == digit).sum()))


def place_next(label: int | None) -> None:
    """Put the next example of a class of the page's set onto the canvas; None: of any class."""
    data, known = lab().data, lab().examples_placed
    place = -1 if label is None else label
    if data.is_mnist and label is not None:
        place_sample(label, known.get(label, 0))
        return
    labels = data.labels("test")
    count = len(data.images("test"))
    examples = (
        torch.arange(count) if label is None or labels is None else torch.nonzero(labels == label).flatten()
    )
    if not len(examples):
        raise DataError(f"The set {data.name} has no test images of this class: choose another one.")
    index = known.get(place, 0) % len(examples)
    known[place] = index + 1
    _place_image(data, int(examples[index]))


def clear() -> None:
    """Empty the canvas."""
    lab().strokes.clear()
    put({"objects": []}, None)


def undo() -> None:
    """Take back the last stroke, or what was placed last."""
    strokes = lab().strokes
    strokes.pop()
    if strokes:
        put(strokes[-1].drawing, strokes[-1].png)
    else:
        clear()


def remember() -> None:
    """Keep what the canvas says as a step for undo, before it is drawn, with what the model sees of it.

    What a button placed comes back from the browser, redrawn with soft edges: the first version stays.
    """
    from streamlit_drawable_canvas import CanvasResult  # needs a running script

    said = _said()
    data = None if said is None else said["data"]
    lab().canvas_told += data != lab().canvas_taken
    lab().canvas_taken = data
    if said is None:
        return
    canvas = CanvasResult(said["raw"], said["data"], return_image_data=True)
    shapes = _shapes(said["raw"])
    if said["raw"].get("nonce") != (lab().placed or {}).get("nonce"):
        if shapes in lab().canvas_outdated:
            return
        lab().canvas_outdated = set()
    lab().canvas_shapes = shapes
    strokes = lab().strokes
    if strokes and strokes[-1].shapes == shapes:
        return
    placed = lab().placed_by_shapes.get(shapes)
    if placed is not None:
        picture, sample, pen, is_start = placed.picture, placed.sample, placed.pen, placed.is_start
    else:
        below, drawn = _below(said["raw"])
        if below.is_start and drawn:
            place(_painted(tuple(drawn)))
            remember()
            return
        pen = None if drawn is None or below.pen is None else (*below.pen, *drawn)
        picture, sample, is_start = to_mnist(canvas.image_data), below.sample, False
    if strokes or picture is not None:
        packed = pack(said["raw"])
        strokes.append(Stroke(packed, canvas.image_bytes, shapes, picture, sample, pen, is_start))
        del strokes[:-_UNDO_DEPTH]


def has_news() -> bool:
    """Whether the canvas has said something that `remember` has not taken yet."""
    said = _said()
    return said is not None and said["data"] != lab().canvas_taken


def _said() -> dict[str, Any] | None:
    """The drawing as the canvas tells of it; None for nothing yet, or an empty canvas of ours."""
    said = (keys.CANVAS.find() or {}).get("drawing")
    return None if said is None or said.get("data") is None else said


def _painted(pen: tuple[PenStroke, ...], below: Placed | None = None) -> Placed:
    """Strokes on the empty canvas, or over a test digit."""
    ink = ink_of(pen, SIDE, None if below is None else np.asarray(Image.open(io.BytesIO(below.png))))
    return Placed(to_mnist(ink), to_png(ink), None if below is None else below.sample, pen)


def _below(drawing: dict[str, Any]) -> tuple[Placed, list[PenStroke] | None]:
    """What was placed under a drawing's strokes, and the strokes; None for what is no stroke."""
    shapes = drawing.get("objects", [])
    first = lab().placed_by_shapes.get(_shapes({"objects": shapes[:1]})) if shapes else None
    if first is None:
        return Placed(None, b""), strokes_of(shapes)
    return first, strokes_of(shapes[1:])


def _shapes(drawing: dict[str, Any]) -> str:
    """What is drawn and where, without what the canvas adds when it draws it."""
    told = repr(
        [
            (
                shape.get("src") or shape.get("path"),
                *(round(shape.get(name, 0)) for name in ("left", "top", "angle")),
                *(round(shape.get(name, 1), 2) for name in ("scaleX", "scaleY")),
            )
            for shape in drawing.get("objects", [])
        ]
    )
    # Kept for every stroke: the pictures and paths in it are long.
    return hashlib.sha256(told.encode()).hexdigest()


def _enlarged(image: np.ndarray) -> np.ndarray:
    factor = SIDE // len(image)
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def for_address() -> dict[str, str | None]:
    """What the address says of the canvas: nothing for the digit that a new page shows, and for a photo."""
    strokes = lab().strokes
    if not strokes or strokes[-1].picture is None:
        return {keys.SAMPLE: None, keys.DRAWING: keys.BLANK}
    last = strokes[-1]
    text = to_text(last.pen) if last.pen else None
    if last.pen is None or len(text or "") > _LONGEST_IN_ADDRESS:
        return {keys.SAMPLE: None, keys.DRAWING: None}
    return {keys.SAMPLE: last.sample, keys.DRAWING: text}


def follow(sample: str | None, drawing: str | None) -> None:
    """Show what an address says of the canvas; what it gets wrong is as if it said nothing."""
    strokes = lab().strokes
    if strokes and for_address() == {keys.SAMPLE: sample, keys.DRAWING: drawing}:
        return
    known = [
        index for index, stroke in enumerate(strokes) if (stroke.sample, _text(stroke)) == (sample, drawing)
    ]
    if known:
        del strokes[known[-1] + 1 :]
        put(strokes[-1].drawing, strokes[-1].png)
    elif drawing == keys.BLANK:
        clear()
    else:
        _place_named(sample, drawing)


def _text(stroke: Stroke) -> str | None:
    return to_text(stroke.pen) if stroke.pen else None


def _place_named(sample: str | None, drawing: str | None) -> None:
    named = re.fullmatch(r"([0-9])\.([0-9]{1,4})", sample or "")
    try:
        pen = tuple(from_text(drawing)) if drawing else ()
    except PictureError:
        pen = ()
    if not named and not pen:
        place_sample(*STARTING_DIGIT, is_start=True)
        return
    below = None
    if named:
        place_sample(int(named[1]), int(named[2]))
        below = lab().placed_by_shapes[_shapes(lab().placed or {})]
    if pen:
        place(_painted(pen, below))
