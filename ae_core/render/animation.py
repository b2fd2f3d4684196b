"""A film as a moving picture: what the model made of one drawing at each of its frames."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ae_core.analysis.inspection import Inspection
from ae_core.render import maps
from ae_core.render.lettering import write

_GAP, _LINE = 12, 22
_TEXT = 15
"""Height of the letters, in pixels."""
_FRAME_MS, _LAST_MS = 250, 2000


def animate(frames: Sequence[tuple[int, Inspection]], title: str) -> bytes:
    """Drawing, reconstruction, code and sensitivity at each step, as an animated PNG that goes on for ever.

    Codes and sensitivities have one colour scale each, up to their largest value in the film.

    Args:
        frames: steps, and what is seen of the same drawing after them.
    """
    seen = [inspection for _, inspection in frames]
    largest_code = max(float(one.code_magnitudes.max()) for one in seen)
    largest_sensitivity = max(float(one.sensitivity_map.max()) for one in seen)
    pictures = [
        _picture(
            {
                "Drawing": maps.grey_picture(one.x),
                "Reconstruction": maps.grey_picture(one.reconstruction),
                "Code": maps.code_map(one.code_magnitudes, largest_code),
                "Sensitivity": maps.heat_map(one.sensitivity_map, largest_sensitivity),
            },
            f"{title}: step {step:,}",
        )
        for step, one in frames
    ]
    file = io.BytesIO()
    durations = [_FRAME_MS] * (len(pictures) - 1) + [_LAST_MS]
    # Pillow would join equal frames, and with them the steps that their texts name.
    pictures[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        default_image=False,
    )
    return file.getvalue()


def _picture(panels: dict[str, np.ndarray], text: str) -> Image.Image:
    side = maps.MAP_PIXELS
    height = max(len(picture) for picture in panels.values()) + 2 * _LINE + 2 * _GAP
    picture = Image.new("RGB", (len(panels) * (side + _GAP) + _GAP, height), "white")
    draw = ImageDraw.Draw(picture)
    write(draw, _GAP, _GAP // 2, text, _TEXT)
    for index, (name, values) in enumerate(panels.items()):
        left = _GAP + index * (side + _GAP)
        write(draw, left, _GAP // 2 + _LINE, name, _TEXT)
        picture.paste(Image.fromarray(values), (left, _GAP + 2 * _LINE))
    return picture
