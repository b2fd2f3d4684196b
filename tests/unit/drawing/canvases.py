"""Canvases with strokes that a hand might draw. Needs Pillow."""

import numpy as np
from PIL import Image, ImageDraw

SIDE = 280
# Vertices in a unit square; each is a shape that a hand might draw.
STROKES = {
    "one": [(0.5, 0.0), (0.5, 1.0)],
    "seven": [(0.0, 0.0), (0.8, 0.0), (0.3, 1.0)],
    "four": [(0.6, 1.0), (0.6, 0.0), (0.0, 0.7), (0.9, 0.7)],
    "six": [(0.7, 0.0), (0.1, 0.5), (0.1, 0.9), (0.6, 1.0), (0.7, 0.6), (0.1, 0.6)],
    "dash": [(0.0, 0.5), (1.0, 0.5)],
    "zed": [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0)],
}


def drawn(shape, size=150, left=40, top=60, width=20, side=SIDE):
    """A canvas with one of the strokes on it, in grey."""
    canvas = Image.new("L", (side, side))
    points = [(left + size * x, top + size * y) for x, y in STROKES[shape]]
    ImageDraw.Draw(canvas).line(points, fill=255, width=width, joint="curve")
    return np.asarray(canvas)
