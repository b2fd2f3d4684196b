"""What lies on a visitor's canvas, without a browser to draw it."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from ae_core.drawing.photo import SIDE


@dataclass(frozen=True)
class Drawing:
    """What lies on a canvas."""

    names: tuple
    """Of the strokes and test digits."""
    shapes: tuple
    """As the canvas describes them."""

    def with_stroke(self, name, points):
        """The same, with one stroke more."""
        path = [["M" if not index else "L", *point] for index, point in enumerate(points)]
        return Drawing((*self.names, name), (*self.shapes, {"type": "Path", "path": path}))

    @property
    def canvas(self):
        """The canvas as a picture: shape (280, 280, 4), uint8."""
        canvas = Image.new("RGBA", (SIDE, SIDE), "black")
        pen = ImageDraw.Draw(canvas)
        for shape in self.shapes:
            if "src" in shape:
                canvas.paste(picture_of(shape["src"]))
            else:
                points = [(x, y) for _, x, y in shape["path"]]
                pen.line(points, "white", width=22, joint="curve")
        return np.asarray(canvas)


def picture_of(address):
    """The picture whose address holds it."""
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def part_of(points, share):
    """The beginning of a line, as a share of its corners' number."""
    whole, part = divmod(share * (len(points) - 1), 1)
    (x, y), (next_x, next_y) = points[int(whole)], points[int(whole) + 1]
    return [*points[: int(whole) + 1], (x + part * (next_x - x), y + part * (next_y - y))]
