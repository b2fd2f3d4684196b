"""Which test digits a reader takes for which: a grid of counts, and the digits behind each."""

from __future__ import annotations

import numpy as np
import streamlit as st

from ae_core.analysis.confusions import confusions, images_in
from ae_core.analysis.probe import CLASSES, Probe
from ae_core.data import load_mnist
from ae_core.ui import markup, pointing
from ae_core.ui.digit_buttons import digit_buttons
from ae_core.ui.state import lab

_PICTURES = 24
"""Of a cell, at most."""


def show(probe: Probe) -> None:
    """The grid on the left; on the right the digits of the cell that was clicked."""
    labels = load_mnist("test").labels
    left, right = st.columns([3, 2], gap="medium")
    with left:
        markup.show(_grid(confusions(labels, probe.read_as)))
        st.caption(
            "Rows: what was written. Columns: what it is read as. Strong colours: often (logarithmic). "
            "Click a cell for its digits."
        )
    with right:
        cell = lab().cell
        if cell is None:
            st.caption("Click a cell to see the digits behind it, and one of them to put it onto the canvas.")
            return
        digit, reading = cell
        found = images_in(labels, probe.read_as, digit, reading)
        st.markdown(
            f"**{digit} read as {reading}: {len(found):,}** of {int((labels == digit).sum()):,}"
            + ("" if len(found) <= _PICTURES else f". The first {_PICTURES}:")
        )
        markup.show(digit_buttons(found[:_PICTURES], f", read as {reading},"))


def _grid(counts: np.ndarray) -> str:
    shares = np.log1p(counts) / np.log1p(counts.max())
    cells = ["<span></span>", *(f"<span>{reading}</span>" for reading in range(CLASSES))]
    for digit in range(CLASSES):
        cells.append(f"<span>{digit}</span>")
        for reading in range(CLASSES):
            count, pick = counts[digit, reading], pointing.pick_of_cell(digit, reading)
            chosen = " chosen" if lab().cell == (digit, reading) else ""
            right = " right" if digit == reading else ""
            cells.append(
                f"<button class='confusion{right}{chosen}' data-pick='{pick}' "
                f"style='--share: {100 * shares[digit, reading]:.0f}%' "
                f"aria-label='{digit} read as {reading}: {count} times'>{count or ''}</button>"
            )
    return f"<div class='confusions'>{''.join(cells)}</div>"
