"""A view of the page with a test digit drawn, for the tests of the views."""

import json
import re

from ae_core import checkpoints
from ae_core.checkpoints import load_checkpoint
from ae_core.config import LADDERS
from ae_core.data import load_mnist, to_float
from tests.app.conftest import choose_kind, clear, enlarged_digit, put_on_canvas

DIGIT = 3
X = to_float(load_mnist("test").images[DIGIT : DIGIT + 1])


def models(kind):
    return [load_checkpoint(checkpoints.ladder_paths(kind)[weight]).model for weight in LADDERS[kind]]


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
