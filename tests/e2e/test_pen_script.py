"""The pen's script by itself, on a page without a server. Needs Chromium."""

import json

import pytest

from ae_core.ui.pen import script

CALL = """async ([source, answers]) => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { default: call } = await import(url);
    for (const data of answers) call({ data, setTriggerValue() {} });
}"""


def answer(drawn_at, text):
    return {
        "drawnAt": drawn_at,
        "seq": 0,
        "told": 0,
        "replaced": False,
        "pictures": {".corner img": f"data:,{text}"},
        "parts": {".reading": f"<b>{text}</b>"},
    }


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 3, 1), (1, 3, 2, 3)], ids=json.dumps)
def test_of_answers_that_come_in_any_order_the_newest_stays(browser, order):
    page = browser.new_page()
    page.set_content("<div class='reading'>first</div><div class='corner'><img></div>")
    page.evaluate(CALL, [script("pen.js"), [answer(at, f"run {at}") for at in order]])
    assert page.inner_text(".reading") == f"run {max(order)}"
    assert page.get_attribute(".corner img", "src") == f"data:,run {max(order)}"
    page.close()
