"""How the page looks: the little CSS that the theme cannot express, headings, charts, maps and values."""

from __future__ import annotations

import html
from collections.abc import Sequence
from string import Template
from typing import Any

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from ae_core.render.maps import GRID_GAP, data_url, to_png
from ae_core.ui import keys

_CSS = Template("""
<style>
/* Live values are replaced in place: no fading while a stroke is on its way. */
[data-testid='stElementContainer'][data-stale='true'] { opacity: 1 !important; }
[data-testid='stImage'] img, .map img { image-rendering: pixelated; border-radius: 0.35rem; }
.map { margin: 0 0 0.6rem; }
.map img { display: block; width: 100%; }
.map figcaption { font-size: 0.86rem; opacity: 0.75; text-align: center; padding-top: 0.3rem; }
.block-container { padding: 2.2rem 2rem 3rem; max-width: 1500px; }
@media (max-width: 640px) { .block-container { padding: 4.2rem 1rem 2rem; } }
h1 { padding: 0 0 0.1rem !important; font-size: 1.9rem !important; }
h2, h3 { padding: 0.1rem 0 !important; font-size: 1.2rem !important; }
h3 { font-size: 1.05rem !important; }
/* White on the dark theme's light accent cannot be read. */
button[data-testid='stBaseButton-primary']:enabled p { color: light-dark(#ffffff, #11161d); }
.scale { display: flex; align-items: center; gap: 0.5rem; font-size: 0.78rem; line-height: 1.2; }
.scale i { flex: 1; height: 0.55rem; border-radius: 0.2rem; min-width: 2rem; }
.scale + .values, .values + .map { margin-top: 0.8rem; }
.values { display: grid; grid-template-columns: 1fr auto; gap: 0.15rem 0.6rem; font-size: 0.86rem; }
.values b { font-variant-numeric: tabular-nums; text-align: right; font-weight: 600; }
/* A panel's title is one word, and stays one where panels are narrow. */
[class*='st-key-$panel'] { container-type: inline-size; }
[class*='st-key-$panel'] h2 { font-size: min(1.2rem, 13cqi) !important; }
@media (min-width: 1000px) { [class*='st-key-$panel'] { min-height: 33rem; } }
.columns { display: grid; font-size: clamp(0.62rem, 1.1vw, 0.86rem); text-align: center; line-height: 1.3; }
.row-name { font-size: 0.86rem; opacity: 0.75; margin-bottom: 0.15rem; }
.columns b, .columns span { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.st-key-$digits button { padding: 0 0.6rem; min-width: 2.35rem; }
/* The canvas is never clipped: where the page is too narrow for both, the panels go below it. */
[data-testid='stHorizontalBlock']:has(> [data-testid='stColumn'] .st-key-$canvas) { flex-wrap: wrap; }
[data-testid='stColumn']:has(.st-key-$canvas) { min-width: 284px; }
[data-testid='stColumn']:has(.st-key-$canvas) + [data-testid='stColumn'] { min-width: min(100%, 26rem); }
/* Streamlit's bar, opaque while the sidebar is closed, would cover the title. */
.stApp:has([data-testid='stExpandSidebarButton']) .block-container { padding-top: 4.2rem; }
/* A finger does not hover. */
[data-testid='stSidebarCollapseButton'] { visibility: visible !important; }
</style>
""").substitute(canvas=keys.CANVAS.name, digits=keys.DIGITS, panel=keys.PANEL)


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
    """Put the question that a view, or a part of it, answers as its heading."""
    st.header(text, anchor=False)


def chart(figure: go.Figure, key: str, alt: str, **selection: Any) -> None:  # noqa: ANN401 - Streamlit's own
    """Put a chart onto the page, without Plotly's tool bar."""
    st.plotly_chart(figure, key=key, alt=alt, config={"displayModeBar": False}, **selection)


def show(*parts: str) -> None:
    """Put parts, as HTML, onto the page as one element: every further one would cost a stroke some time."""
    st.html("".join(parts))


def picture(values: np.ndarray, alt: str, caption: str = "") -> str:
    """A map as HTML that contains the picture itself, as wide as its place; its pixels stay sharp.

    Args:
        values: uint8, shape (height, width), or with 3 or 4 channels last.
    """
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    source = data_url(to_png(values))
    return f"<figure class='map'><img src='{source}' alt='{html.escape(alt, quote=True)}'>{below}</figure>"


def values(rows: dict[str, str]) -> str:
    """Names on the left, values on the right, as HTML."""
    cells = "".join(
        f"<span>{html.escape(name)}</span><b>{html.escape(value)}</b>" for name, value in rows.items()
    )
    return f"<div class='values'>{cells}</div>"


def columns(name: str, values: Sequence[str], strong: bool = False) -> str:
    """A row of short texts as HTML, each over or under its picture of a grid (`maps.grid`)."""
    tag = "b" if strong else "span"
    cells = "".join(f"<{tag}>{html.escape(value)}</{tag}>" for value in values)
    gap = 100 * GRID_GAP / (len(values) + (len(values) - 1) * GRID_GAP)
    template = f"grid-template-columns: repeat({len(values)}, 1fr); column-gap: {gap:.3f}%"
    return f"<div class='row-name'>{name}</div><div class='columns' style='{template}'>{cells}</div>"


def colour_scale(gradient: str, largest: float, unit: str, smallest: float = 0.0, log: bool = False) -> str:
    """The colour bar of a map as HTML, linear or logarithmic."""
    kind = "Logarithmic colour scale" if log else "Colour scale"
    end = f"{largest:.3g} {unit}".strip() + (", log scale" if log else "")
    return (
        f"<div class='scale' role='img' aria-label='{kind} from {smallest:.3g} to {end}'>"
        f"<span>{smallest:.3g}</span><i style='background:{gradient}'></i>"
        f"<span>{end}</span></div>"
    )
