"""The map of the test digits as a Plotly chart, for papers: on the page it is a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ae_core.render.atlas_picture import CLASS_COLOURS
from ae_core.render.chart import Chart

_HEIGHT = 700


def atlas_chart(places: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Chart:
    """A dot for each image at its place (n, 2), coloured by its label (n,), which `classes` names."""
    chart = Chart()
    for label, name in enumerate(classes):
        x, y = places[labels == label].T
        marker = {"size": 3, "color": CLASS_COLOURS[label % len(CLASS_COLOURS)]}
        chart.add_scatter(x=x, y=y, mode="markers", marker=marker, name=name)
    # Its axes mean nothing: only who is near whom does.
    chart.update_xaxes(visible=False)
    chart.update_yaxes(visible=False, scaleanchor="x")
    chart.update_layout(legend={"itemsizing": "constant"})
    return chart.finish(_HEIGHT)
