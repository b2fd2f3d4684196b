"""What the canvas can hold: a picture that was put onto it, a finished stroke, a stroke at work."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ae_core.drawing.strokes import PenStroke


@dataclass(frozen=True)
class Placed:
    """A picture that a button, a link or a file put onto the canvas."""

    picture: Tensor | None
    """What the model sees of it, shape (1, 1, 28, 28): the canvas would scale a test image once more."""
    png: bytes
    """As it is on the canvas, grey: much smaller than its pixels."""
    sample: str | None = None
    """As the address has it: "7.2" is the third example of a 7. None: no test digit."""
    pen: tuple[PenStroke, ...] | None = ()
    """The strokes over the test digit, or over the empty canvas; None: a photo, which no link can hold."""
    is_start: bool = False
    """Whether it is the digit that a new page shows: the first stroke replaces it."""


@dataclass(frozen=True)
class Stroke:
    """The canvas after a stroke."""

    packed: bytes
    """What the canvas says of it, as `pack` gives it: a session keeps fifty of them."""
    png: bytes
    shapes: str
    """Tells this drawing from others."""
    picture: Tensor | None
    """What the model sees, shape (1, 1, 28, 28); None if nothing is left on the canvas."""
    sample: str | None = None
    """The test digit below all strokes, as the address has it."""
    pen: tuple[PenStroke, ...] | None = ()
    """All strokes, as far as they can be told; None if they cannot, as over a photo."""
    is_start: bool = False
    """Whether it is the digit that a new page shows."""

    @property
    def drawing(self) -> dict[str, Any]:
        """As the canvas describes it."""
        return json.loads(zlib.decompress(self.packed))


def pack(drawing: dict[str, Any]) -> bytes:
    """A drawing as the canvas describes it, in a small part of the memory that it takes as objects."""
    return zlib.compress(json.dumps(drawing).encode())


@dataclass(frozen=True)
class Frame:
    """The canvas while the pen is down."""

    after: int
    """How often the canvas had told of a drawing, as far as the browser knew."""
    picture: Tensor | None
