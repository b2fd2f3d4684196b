"""Text on pictures."""

from __future__ import annotations

import re

from PIL import ImageDraw, ImageFont

from ae_core.analysis.notation import SUPERSCRIPTS

_RAISED = 0.7
"""Height of an exponent's digits, as a share of the others'."""
_EXPONENT = re.compile(f"([{''.join(SUPERSCRIPTS.values())}]+)")
_LOWER = str.maketrans({raised: plain for plain, raised in SUPERSCRIPTS.items()})


def write(draw: ImageDraw.ImageDraw, left: float, top: float, text: str, size: float) -> None:
    """A line of text; Pillow's font has no raised digits, so that exponents are set in small ones."""
    for index, part in enumerate(_EXPONENT.split(text)):
        font = ImageFont.load_default(size * _RAISED if index % 2 else size)
        part = part.translate(_LOWER)
        draw.text((left, top), part, "black", font)
        left += draw.textlength(part, font)
