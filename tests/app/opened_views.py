"""A view of the page with a test digit drawn, for the tests of the views."""

import json
import re

from ae_core.analysis.notation import power_notation
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import denoising_paths, ladder_paths
from ae_core.config import DENOISING, LADDERS
from ae_core.data import load_mnist, to_float
from tests.app.conftest import choose_kind, clear, enlarged_digit, put_on_canvas

DIGIT = 3
X = to_float(load_mnist("test").images[DIGIT : DIGIT + 1])


def models(kind):
    """All that ship of a kind: the ladder, and those trained to denoise."""
    paths = (*ladder_paths(kind).values(), *denoising_paths(kind).values())
    return [load_checkpoint(path).model for path in paths]


def labels(kind):
    """What the page calls them."""
    denoising = [f"{power_notation(weight)}, denoising" for weight in DENOISING[kind]]
    return [*(power_notation(weight) for weight in LADDERS[kind]), *denoising]


def opened(page, kind, view, drawn=True):
    page = choose_kind(page, kind)
    page = put_on_canvas(page, enlarged_digit(DIGIT)) if drawn else clear(page)
    page.session_state["view"] = view
    page = page.run()
    assert not page.exception
    assert not page.error
    return page


def charts_of(page, key):
    """The charts whose key contains a text, as Plotly's JSON; the live panel's bars have their own."""
    return [json.loads(one.proto.spec) for one in page.main.get("plotly_chart") if key in one.proto.id]


def chart_of(page, key):
    (chart,) = charts_of(page, key)
    return chart


def column_texts(page, name):
    """A row of figures over or under a grid of pictures."""
    for element in page.main.get("html"):
        if f"<div class='row-name'>{name}</div>" in element.proto.body:
            return re.findall(r"<(?:b|span)>([^<]*)</(?:b|span)>", element.proto.body)
    raise AssertionError(f"no row is named {name}")
