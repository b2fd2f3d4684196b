"""Test digits as small pictures; a click puts one onto the canvas."""

from __future__ import annotations

from collections.abc import Sequence

from ae_core.data import load_mnist
from ae_core.ui import markup, pointing


def digit_buttons(indices: Sequence[int], which: str = "") -> str:
    """A row of test images as HTML.

    Args:
        indices: among all test images.
        which: what sets them apart, to follow "this 7", such as ", read as 9,".
    """
    mnist = load_mnist("test")
    cells = []
    for index in indices:
        digit = int(mnist.labels[index])
        image = markup.picture(mnist.images[index, 0].numpy(), f"A {digit}.")
        cells.append(
            f"<div class='cell'><button data-pick='{pointing.pick_of_test_digit(index)}' "
            f"aria-label='Put this {digit}{markup.escape(which)} onto the canvas'>{image}</button></div>"
        )
    return f"<div class='strip behind'>{''.join(cells)}</div>"
