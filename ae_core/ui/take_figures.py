"""Charts and maps taken away: as what a chart is saved, its values, and each map as a picture of its own."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from ae_core.analysis.page_names import View
from ae_core.render.chart_data import charts_to_csv
from ae_core.render.export import Exhibit
from ae_core.render.map_files import SCALES, maps_to_zip
from ae_core.ui import keys
from ae_core.ui.figure_settings import FIGURE_FORMATS, LARGEST, SMALLEST, FigureSettings
from ae_core.ui.problems import guard
from ae_core.ui.state import lab

_SCALE = 8


def show(name: str, exhibit: Callable[[], Exhibit] | None) -> None:
    """The settings of what is saved, and two downloads.

    Args:
        name: of the model, for the files.
        exhibit: gives the drawing under the model; None while there is no drawing.
    """
    st.markdown("**Figures**")
    settings = lab().figure_settings
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="figures"):
        st.selectbox(
            "Charts as",
            FIGURE_FORMATS,
            index=FIGURE_FORMATS.index(settings.format),
            format_func=str.upper,
            key=keys.FIGURE_FORMAT.name,
            on_change=guard(_take_settings),
            width=100,
            help="Point at a chart: the camera above it saves it in this format and size.",
        )
        for label, key, value in (
            ("Width", keys.FIGURE_WIDTH, settings.width),
            ("Height", keys.FIGURE_HEIGHT, settings.height),
        ):
            st.number_input(
                label, SMALLEST, LARGEST, value, key=key.name, on_change=guard(_take_settings), width=130
            )
        # What stands there when it is asked for: the view is drawn after this menu.
        charts = lab().charts
        st.download_button(
            "Charts' values (CSV)",
            lambda: charts_to_csv(dict(charts)),
            f"{View(keys.VIEW.get()).value.lower()}.csv",
            "text/csv",
            on_click="ignore",
            disabled=not charts,
            key="take_charts",
            help="Of all charts of the open view." if charts else "The open view has no chart.",
        )
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom", key="maps"):
        scale = st.selectbox("Maps, enlarged", SCALES, SCALES.index(_SCALE), key="map_scale", width=130)
        st.download_button(
            "Each map (ZIP)",
            lambda: b"" if exhibit is None else maps_to_zip(exhibit(), scale),
            f"{name}-maps.zip",
            "application/zip",
            on_click="ignore",
            disabled=exhibit is None,
            key="take_each",
            help="Draw a digit first."
            if exhibit is None
            else "A PNG of each map with so many pixels for each of its own, and its numbers as a .npy file.",
        )


def _take_settings() -> None:
    """Keep what was chosen: the fields are gone when the menu is closed."""
    kept = lab().figure_settings
    lab().figure_settings = FigureSettings(
        keys.FIGURE_FORMAT.find() or kept.format,
        keys.FIGURE_WIDTH.find() or kept.width,
        keys.FIGURE_HEIGHT.find() or kept.height,
    )
