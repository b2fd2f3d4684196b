"""The map of the test digits as a Plotly chart, for papers: on the page it is a picture."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from ae_core.render.atlas_picture import CLASS_COLOURS
from ae_core.render.chart_style import finish

_HEIGHT = 700


def atlas_chart(places: np.ndarray, labels: np.ndarray) -> go.Figure:
    """A dot for each image at its place (n, 2), coloured by its class, (n,), from 0 to 9."""
    figure = go.Figure()
    for label, colour in enumerate(CLASS_COLOURS):
        x, y = places[labels == label].T
        marker = {"size": 3, "color": colour}
        figure.add_scatter(x=x, y=y, mode="markers", marker=marker, name=str(label))
    # Its axes mean nothing: only who is near whom does.
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    figure.update_layout(legend={"itemsizing": "constant"})
    return finish(figure, _HEIGHT)
