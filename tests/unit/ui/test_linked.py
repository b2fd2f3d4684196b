"""How a link says what a widget holds. Needs Streamlit."""

import pytest

from ae_core.ui import linked
from ae_core.ui.session import Key

FRUIT = linked.choice(
    Key("fruit"), ["apple", "pear"], "apple", str.capitalize, former={"Plum": "pear", "Nut": "almond"}
)
PLACE = linked.choice(Key("place"), range(1, 4), 1)
SIZE = linked.number(Key("size"), 0.0, 2.0, 0.5)
OPEN = linked.switch(Key("open"))


@pytest.mark.parametrize(
    ("widget", "text", "value"),
    [
        (FRUIT, "Pear", "pear"),
        (FRUIT, "pear", "pear"),
        (FRUIT, "Plum", "pear"),
        (FRUIT, "Nut", "apple"),
        (FRUIT, "Nail", "apple"),
        (PLACE, "3", 3),
        (PLACE, "4", 1),
        (SIZE, "0.25", 0.25),
        (SIZE, "7", 2.0),
        (SIZE, "inf", 2.0),
        (SIZE, "-1", 0.0),
        (SIZE, "nan", 0.5),
        (SIZE, "much", 0.5),
        (SIZE, None, 0.5),
        (OPEN, "true", True),
        (OPEN, "perhaps", False),
        (OPEN, "", False),
    ],
)
def test_an_address_is_followed_and_what_is_wrong_in_it_says_nothing(monkeypatch, widget, text, value):
    held = {}
    monkeypatch.setattr("streamlit.session_state", held)
    widget.follow(text)
    assert held == {widget.key.name: value}


@pytest.mark.parametrize(
    ("widget", "value", "text"),
    [
        (FRUIT, "pear", "Pear"),
        (FRUIT, "apple", None),
        (PLACE, 2, "2"),
        (SIZE, 0.15000000000000002, "0.15"),
        (SIZE, 0.5, None),
        (OPEN, True, "true"),
        (OPEN, False, None),
    ],
)
def test_an_address_says_what_differs_from_the_start(monkeypatch, widget, value, text):
    held = {widget.key.name: value}
    monkeypatch.setattr("streamlit.session_state", held)
    assert widget.for_address() == text
    held.clear()
    widget.follow(text)
    assert held[widget.key.name] == pytest.approx(value)
