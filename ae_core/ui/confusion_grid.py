"""Which test images a reader takes for which class: a grid of counts, and the images behind each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from ae_core.analysis.confusions import confusions, images_in
from ae_core.analysis.probe import Probe
from ae_core.data import DataSet
from ae_core.ui import markup, pointing
from ae_core.ui.digit_buttons import digit_buttons
from ae_core.ui.state import lab

_PICTURES = 24
"""Of a cell, at most."""
_MOST_CLASSES = 30
"""Of a grid that can be read."""
_LONGEST = 3
"""Letters of a class's name that stand at the grid."""


def show(probe: Probe, data: DataSet) -> None:
    """The grid on the left; on the right the images of the cell that was clicked.

    Args:
        data: whose test images the probe has read.
    """
    classes, labels = data.classes, data.labelled("test").labels
    if len(classes) > _MOST_CLASSES:
        st.caption(f"A grid of {len(classes)} classes would be too fine to read.")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        markup.show(_grid(confusions(labels, probe.read_as, len(classes)), classes))
        st.caption(
            "Rows: what was written. Columns: what it is read as. Strong colours: often (logarithmic). "
            f"Click a cell for its {data.things}."
        )
    with right:
        cell = lab().cell
        if cell is None or max(cell) >= len(classes):
            st.caption(
                f"Click a cell to see the {data.things} behind it, and one of them to put it onto the canvas."
            )
            return
        digit, reading = cell
        found = images_in(labels, probe.read_as, digit, reading)
        written, taken_for = markup.plain(classes[digit]), markup.plain(classes[reading])
        st.markdown(
            f"**{written} read as {taken_for}: {len(found):,}** of {int((labels == digit).sum()):,}"
            + ("" if len(found) <= _PICTURES else f". The first {_PICTURES}:")
        )
        markup.show(digit_buttons(data, found[:_PICTURES], f", read as {classes[reading]},"))


def _grid(counts: np.ndarray, classes: Sequence[str]) -> str:
    names = [_short(name) for name in classes]
    shares = np.log1p(counts) / np.log1p(counts.max())
    cells = ["<span></span>", *names]
    for digit, name in enumerate(classes):
        cells.append(names[digit])
        for reading, taken_for in enumerate(classes):
            count, pick = counts[digit, reading], pointing.pick_of_cell(digit, reading)
            chosen = " chosen" if lab().cell == (digit, reading) else ""
            right = " right" if digit == reading else ""
            spoken = markup.escape(f"{name} read as {taken_for}")
            cells.append(
                f"<button class='confusion{right}{chosen}' data-pick='{pick}' "
                f"style='--share: {100 * shares[digit, reading]:.0f}%' "
                f"aria-label='{spoken}: {count} times'>{count or ''}</button>"
            )
    first = "auto" if max(map(len, classes)) > 1 else "1.2rem"
    columns = f"grid-template-columns: {first} repeat({len(classes)}, 1fr)"
    return f"<div class='confusions' style='{columns}'>{''.join(cells)}</div>"


def _short(name: str) -> str:
    return f"<span title='{markup.escape(name)}'>{markup.escape(name[:_LONGEST])}</span>"
