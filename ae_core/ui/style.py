"""The little CSS that the theme cannot express, and the page's heading."""

from __future__ import annotations

import streamlit as st

_CSS = """
<style>
/* Live figures are replaced in place: no fading while a stroke is on its way. */
[data-testid='stElementContainer'][data-stale='true'] { opacity: 1 !important; }
[data-testid='stImage'] img { image-rendering: pixelated; border-radius: 0.35rem; }
.block-container { padding: 2.2rem 2rem 3rem; max-width: 1500px; }
@media (max-width: 640px) { .block-container { padding: 4.2rem 1rem 2rem; } }
h1 { padding: 0 0 0.1rem !important; font-size: 1.9rem !important; }
h2, h3 { padding: 0.1rem 0 !important; }
.scale { display: flex; align-items: center; gap: 0.5rem; font-size: 0.78rem; line-height: 1.2; }
.scale i { flex: 1; height: 0.55rem; border-radius: 0.2rem; min-width: 2rem; }
.figures { display: grid; grid-template-columns: 1fr auto; gap: 0.15rem 0.6rem; font-size: 0.86rem; }
.figures b { font-variant-numeric: tabular-nums; text-align: right; font-weight: 600; }
@media (min-width: 1000px) { [class*='st-key-panel_'] { min-height: 33rem; } }
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


def figures(rows: dict[str, str]) -> None:
    """Names on the left, figures on the right. Both are texts of ours: they are not escaped."""
    cells = "".join(f"<span>{name}</span><b>{value}</b>" for name, value in rows.items())
    st.html(f"<div class='figures'>{cells}</div>")


def colour_scale(gradient: str, largest: float, unit: str) -> None:
    """The colour bar of a map that starts at 0."""
    st.html(
        f"<div class='scale' role='img' aria-label='Colour scale from 0 to {largest:.3g} {unit}'>"
        f"<span>0</span><i style='background:{gradient}'></i><span>{largest:.3g} {unit}</span></div>"
    )
