"""How the page looks: the CSS that the theme cannot express, headings and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

import streamlit as st

from ae_core.analysis import glossary
from ae_core.render.chart import Chart
from ae_core.ui import keys
from ae_core.ui.state import lab

_FULL_ROW = 4
_COLUMN_PIXELS = 220
_SHEET = Path(__file__).with_name("page.css")


def apply() -> None:
    """Add the page's own CSS, and while presenting the larger type."""
    large = "html { font-size: 125%; }" if keys.presenting() else ""
    st.html(f"<style>{_css()}{large}</style>")


@cache
def _css() -> str:
    return Template(_SHEET.read_text(encoding="utf-8")).substitute(
        canvas=keys.CANVAS.name,
        canvas_bar=keys.CANVAS_BAR,
        digits=keys.DIGITS,
        left=keys.LEFT,
        header=keys.HEADER,
        data=keys.DATA_OPEN.name,
        sides=keys.SIDES,
        guide=keys.GUIDE,
        atlas=keys.ATLAS,
        shake=keys.SHAKE,
    )


def is_dark() -> bool:
    """Whether the browser shows the page in its dark theme."""
    return st.context.theme.type == "dark"


def width_of(models: int) -> Literal["stretch"] | int:
    """How wide a row of pictures of so many models is: few would be blown up."""
    return "stretch" if models >= _FULL_ROW else models * _COLUMN_PIXELS


def question(text: str) -> None:
    """Put the question that a view, or a part of it, answers as its heading."""
    st.header(text, anchor=False)


def values_table(
    heading: str,
    names: Sequence[str],
    columns: Mapping[str, Sequence[float | None]],
    number_format: str,
    key: str,
) -> None:
    """Values of the glossary as a table, a row for each name, with the meaning at each column's heading.

    Args:
        heading: of the column of names, which stays in sight.
        columns: one value per name, by the values' stored names.
    """
    terms = {name: glossary.term(name) for name in columns}
    st.dataframe(
        {heading: list(names)} | {terms[name].label: list(values) for name, values in columns.items()},
        hide_index=True,
        column_config={heading: st.column_config.TextColumn(pinned=True)}
        | {
            term.label: st.column_config.NumberColumn(help=f"{term.meaning}.", format=number_format)
            for term in terms.values()
        },
        key=key,
    )


def chart(drawn: Chart, key: str, alt: str, **selection: Any) -> None:  # noqa: ANN401 - Streamlit's own
    """Put a chart onto the page; it can be saved from there, and its values from the menu."""
    figure = drawn.figure(dark=is_dark())
    lab().charts[key] = figure
    if selection:
        # Streamlit sets these itself, but only after the chart is drawn, and has it drawn again.
        figure.update_layout(clickmode="event+select", dragmode="pan", hovermode="closest")
    tool_bar = lab().figure_settings.tool_bar(key)
    st.plotly_chart(figure, theme=None, key=key, alt=alt, config=tool_bar, **selection)
