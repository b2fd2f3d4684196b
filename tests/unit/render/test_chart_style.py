"""Every chart can be read: its text's size, and its contrast on the page's own colours."""

import tomllib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import ae_core
from ae_core.render.charts import (
    curves_by_model,
    norm_estimates,
    sensitivity_chart,
    spectra,
    walk,
)
from ae_core.render.trade_off_chart import trade_off
from ae_core.render.training_charts import loss_curve
from ae_core.render.unit_charts import code_bars, density_histogram, unit_means
from ae_core.sweep.table import Span, SweepPoint
from ae_core.training.progress import TrainProgress

CONFIG = tomllib.loads((Path(ae_core.__file__).parent.parent / ".streamlit/config.toml").read_text())
POINT = SweepPoint("sparse", 5e-3, 3, Span(0.01, 0.005, 0.02), {})
REPORT = TrainProgress(1, 100, 600, 0.1, 0.1, 0.1, 1000.0, 1.0)
CHARTS = {
    "loss curve": lambda: loss_curve([REPORT], 1e-3),
    "trade-off": lambda: trade_off([1.0], [0.1], ["a"], 0, "cost", [(POINT, Span(1.0, 1.0, 1.0))]),
    "sensitivity": lambda: sensitivity_chart(np.ones((28, 28))),
    "estimates": lambda: norm_estimates(1.0, (1, 4), [1.0, 1.1], [0.1, 0.05]),
    "spectra": lambda: spectra({"a": np.ones(3), "b": np.ones(2)}, "a", relative=True),
    "curves": lambda: curves_by_model([0.1, 1.0], {"a": [1.0, 2.0]}, "a", "x" * 30, "y " * 60),
    "walk": lambda: walk([0.1, 1.0], {"a": [1.0, 2.0], "b": [0.5, 1.0]}, {"a": 2.0, "b": 1.0}, 0.5),
    "bars": lambda: code_bars(np.ones(64), np.ones(64) > 0, np.ones(64), 0.1),
    "means": lambda: unit_means(np.ones(3), 0.1),
    "density": lambda: density_histogram(np.ones(3)),
}


def luminance(colour):
    """Of #rrggbb, relative, as WCAG 2.2 defines it."""
    shares = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def fonts(node, path=""):
    """Every font of a chart's JSON, by where it is."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key.endswith("font") and isinstance(value, dict):
                yield f"{path}.{key}", value
            yield from fonts(value, f"{path}.{key}")
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from fonts(value, f"{path}[{index}]")


def test_the_contrast_is_that_of_wcag_s_examples():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("chart", CHARTS)
def test_all_text_of_a_chart_is_large_enough_and_stands_out_from_the_page(chart, theme):
    figure = CHARTS[chart]().figure(dark=theme == "dark")
    found = dict(fonts(figure.to_plotly_json()))
    kinds = Counter(path.rsplit(".", 1)[-1] for path in found)
    assert kinds["tickfont"] >= 2
    assert len([path for path in found if path.endswith("axis.title.font")]) == 2
    assert sum(".annotations[" in path for path in found) == len(figure.layout.annotations)
    colours = CONFIG["theme"][theme]
    for path, font in found.items():
        assert font["size"] >= 12, path
        for page in (colours["backgroundColor"], colours["secondaryBackgroundColor"]):
            assert contrast(font["color"], page) >= 4.5, path


@pytest.mark.parametrize("chart", CHARTS)
def test_no_text_is_set_smaller_by_mark_up_and_no_line_of_a_title_is_cut_off(chart):
    figure = CHARTS[chart]().figure()
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        # 280 pixels are the height of a plot, and about the width of a narrow one.
        assert max(len(line) for line in axis.title.text.split("<br>")) <= 48
    assert "<su" not in figure.to_json().replace("\\u003c", "<")


@pytest.mark.parametrize("chart", CHARTS)
def test_a_legend_has_two_entries_at_most(chart):
    figure = CHARTS[chart]().figure()
    if figure.layout.showlegend:
        assert len(figure.data) <= 2
    else:
        assert figure.layout.showlegend is False or len(figure.data) == 1


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_grid_lines_are_quiet(theme):
    page = CONFIG["theme"][theme]["backgroundColor"]
    *colour, share = (
        float(part) for part in CHARTS["curves"]().layout["xaxis"]["gridcolor"][5:-1].split(",")
    )
    below = [int(page[start : start + 2], 16) for start in (1, 3, 5)]
    mixed = [round(share * over + (1 - share) * under) for over, under in zip(colour, below, strict=True)]
    assert 1.05 < contrast("#" + "".join(f"{part:02x}" for part in mixed), page) < 1.6
