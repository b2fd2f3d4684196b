"""The little CSS that the theme cannot express, and the page's heading."""

from __future__ import annotations

import html
from collections.abc import Sequence

import streamlit as st

from ae_core.maps import GRID_GAP

_CSS = """
<style>
/* Live figures are replaced in place: no fading while a stroke is on its way. */
[data-testid='stElementContainer'][data-stale='true'] { opacity: 1 !important; }
[data-testid='stImage'] img { image-rendering: pixelated; border-radius: 0.35rem; }
.block-container { padding: 2.2rem 2rem 3rem; max-width: 1500px; }
@media (max-width: 640px) { .block-container { padding: 4.2rem 1rem 2rem; } }
h1 { padding: 0 0 0.1rem !important; font-size: 1.9rem !important; }
h2, h3 { padding: 0.1rem 0 !important; font-size: 1.2rem !important; }
h3 { font-size: 1.05rem !important; }
/* White on the dark theme's light accent cannot be read. */
button[data-testid='stBaseButton-primary'] p { color: light-dark(#ffffff, #11161d); }
.scale { display: flex; align-items: center; gap: 0.5rem; font-size: 0.78rem; line-height: 1.2; }
.scale i { flex: 1; height: 0.55rem; border-radius: 0.2rem; min-width: 2rem; }
.figures { display: grid; grid-template-columns: 1fr auto; gap: 0.15rem 0.6rem; font-size: 0.86rem; }
.figures b { font-variant-numeric: tabular-nums; text-align: right; font-weight: 600; }
@media (min-width: 1000px) { [class*='st-key-panel_'] { min-height: 33rem; } }
.columns { display: grid; font-size: clamp(0.62rem, 1.1vw, 0.86rem); text-align: center; line-height: 1.3; }
.row-name { font-size: 0.86rem; opacity: 0.75; margin-bottom: 0.15rem; }
.columns b, .columns span { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.st-key-digits button { padding: 0 0.6rem; min-width: 2.35rem; }
</style>
"""


def apply() -> None:
    """Add the page's own CSS."""
    st.html(_CSS)


def heading() -> None:
    """Title and the one sentence that says what to do."""
    st.title("Autoencoder Lab", anchor=False)
    st.caption(
        "Draw a digit and see what an autoencoder keeps of it: the reconstruction, the units that fire, "
        "and how far the code moves when a pixel does."
    )


def question(text: str) -> None:
    """What a view, or a part of it, answers."""
    st.header(text, anchor=False)


def figures(rows: dict[str, str]) -> None:
    """Names on the left, figures on the right. Both are texts of ours: they are not escaped."""
    cells = "".join(f"<span>{name}</span><b>{value}</b>" for name, value in rows.items())
    st.html(f"<div class='figures'>{cells}</div>")


def columns(name: str, values: Sequence[str], strong: bool = False) -> None:
    """A row of short texts of ours, each over or under its picture of a grid (`maps.grid`)."""
    tag = "b" if strong else "span"
    cells = "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values)
    gap = 100 * GRID_GAP / (len(values) + (len(values) - 1) * GRID_GAP)
    template = f"grid-template-columns: repeat({len(values)}, 1fr); column-gap: {gap:.3f}%"
    st.html(f"<div class='row-name'>{name}</div><div class='columns' style='{template}'>{cells}</div>")


def colour_scale(gradient: str, largest: float, unit: str, smallest: float = 0.0, log: bool = False) -> None:
    """The colour bar of a map, linear or logarithmic."""
    kind = "Logarithmic colour scale" if log else "Colour scale"
    unit += ", log scale" if log else ""
    st.html(
        f"<div class='scale' role='img' aria-label='{kind} from {smallest:.3g} to {largest:.3g} {unit}'>"
        f"<span>{smallest:.3g}</span><i style='background:{gradient}'></i><span>{largest:.3g} "
        f"{unit}</span></div>"
    )
