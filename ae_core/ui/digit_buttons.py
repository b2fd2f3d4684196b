"""Test digits as small pictures; a click puts one onto the canvas."""

from __future__ import annotations

from collections.abc import Sequence

from ae_core.data import DataSet
from ae_core.ui import markup, pointing


def digit_buttons(data: DataSet, indices: Sequence[int], which: str = "") -> str:
    """A row of test images of the set that the page shows, as HTML.

    Args:
        indices: among all test images.
        which: what sets them apart, to follow "this 7", such as ", read as 9,".
    """
    cells = []
    for index in indices:
        name = data.class_name("test", index)
        image = markup.picture(
            data.images("test")[index, 0].numpy(), f"A {name}." if name else "A test image."
        )
        spoken = markup.escape(f"{name or 'image'}{which}")
        cells.append(
            f"<div class='cell'><button data-pick='{pointing.pick_of_test_digit(index)}' "
            f"aria-label='Put this {spoken} onto the canvas'>{image}</button></div>"
        )
    return f"<div class='strip behind'>{''.join(cells)}</div>"
