"""Pieces of the page as HTML: pictures, scales, gauges, values, and symbols that explain themselves on hover.

Everything from outside is escaped here. A tip is an attribute, which the page's CSS shows.
"""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from ae_core.analysis.glossary import SYMBOLS
from ae_core.analysis.ladder_range import LogRange
from ae_core.render.maps import GRID_GAP, css_gradient, data_url, to_png

_MARKDOWN = set("\\`*_{}[]()<>#+-.!|~$:&")


def escape(text: str) -> str:
    """A text as HTML, also inside an attribute."""
    return html.escape(text, quote=True)


def plain(text: str) -> str:
    """A text in Markdown as it stands: none of its signs mean anything."""
    return "".join(f"\\{sign}" if sign in _MARKDOWN else sign for sign in text)


def key_class(key: str) -> str:
    """The class that Streamlit gives a container with this key, by which others find a part of the page."""
    return f"st-key-{key}"


def show(*parts: str) -> None:
    """Put parts, as HTML, onto the page as one element: every further one would cost a stroke some time."""
    st.html("".join(parts))


def small_chart(svg: str, kind: str = "") -> None:
    """Put a small picture in SVG onto the page, which `show` would drop."""
    st.markdown(f"<div class='small-chart {kind}'>{svg}</div>", unsafe_allow_html=True)


def picture(values: np.ndarray, alt: str, caption: str = "", **data: str) -> str:
    """A map as HTML that contains the picture itself, as wide as its place; its pixels stay sharp.

    Args:
        values: uint8, shape (height, width), or with 3 or 4 channels last.
        data: for the page's scripts, as `data-…` attributes.
    """
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    source = data_url(to_png(values))
    extra = "".join(f' data-{name}="{html.escape(value, quote=True)}"' for name, value in data.items())
    image = f"<img src='{source}' alt='{html.escape(alt, quote=True)}'{extra}>"
    return f"<figure class='map'>{image}{below}</figure>"


def symbol(name: str, shown: str | None = None) -> str:
    """A symbol or a word that says what it means when one points at it, or goes to it with the Tab key.

    Raises:
        KeyError: if the glossary does not have it.
    """
    tip = html.escape(SYMBOLS[name], quote=True)
    return (
        f"<span class='term' tabindex='0' role='note' data-tip=\"{tip}\">{html.escape(shown or name)}</span>"
    )


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


def strength_scale(largest: float, strength: float) -> str:
    """The colour bar of a map that reaches as far into the colours as it is strong: `maps.strength_map`."""
    end = f"{largest:.2g}"
    return (
        f"<div class='scale' role='img' aria-label='Colours from 0 to {end}, which reach {strength:.0%} of "
        f"the way to the strongest of the ladder'><span>0</span>"
        f"<i class='track'><i style='width:{100 * strength:.1f}%; background-image:{css_gradient()}; "
        f"background-size:{100 / max(strength, 1e-3):.0f}% 100%'></i></i><span>{end}</span></div>"
    )


def percentile_bar(name: str, percent: float, text: str) -> str:
    """A share of what something is held against, in percent, as HTML: a name, the share, a bar, the value."""
    return (
        f"<div class='gauge'><div><span>{html.escape(name)}</span><b>{percent:.0f} %</b></div>"
        f"<div class='bar'><i style='width:{percent:.1f}%'></i></div>"
        f"<div class='ends'><span>{html.escape(text)}</span></div></div>"
    )


def gauge(name: str, shown: str, value: float, axis: LogRange, text: str) -> str:
    """A value on a fixed logarithmic axis, as HTML: its name with a tip, the value, a bar, the ends."""
    low, high = axis.ends
    share = 100 * axis.share(value)
    return (
        f"<div class='gauge'><div><span>{symbol(name, shown)}</span><b>{html.escape(text)}</b></div>"
        f"<meter min='0' max='100' value='{share:.1f}' aria-label='{html.escape(shown, quote=True)}: "
        f"{html.escape(text, quote=True)}, on a logarithmic axis from {low} to {high}'></meter>"
        f"<div class='bar'><i style='width:{share:.1f}%'></i></div>"
        f"<div class='ends'><span>{low}</span><span>{high}</span></div></div>"
    )
