"""How large a picture is, for the models of this lab."""

from __future__ import annotations

IMAGE_SIZE = 28
"""Pixels along each side of an image."""
PIXELS = IMAGE_SIZE * IMAGE_SIZE
"""Pixels of an image: D in the formulas."""
