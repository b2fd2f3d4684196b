"""What the pen and the page tell each other: lost, together, or in another order. Needs Chromium."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from ae_core.drawing import to_mnist
from ae_core.render.maps import data_url, grey_picture, to_png
from ae_core.ui.pen import script
from tests.client import Session, canvas_state
from tests.drawings import Drawing, picture_of
from tests.e2e.acts import all_changed, canvas, settled

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


def _drawing_in(message):
    """What a message of the browser says of the canvas; None if it is none of the canvas's own."""
    widgets = {one.id: one for one in BackMsg.FromString(message).rerun_script.widget_states.widgets}
    if any("trigger" in one.WhichOneof("value") for one in widgets.values()):
        return None
    return next((one.json_value for name, one in widgets.items() if name.endswith("-canvas")), None)


def test_a_stroke_of_which_the_page_did_not_hear_is_asked_for(visitor, server):
    page = visitor().new_page()
    lost = []

    def lose_first_stroke(browser):
        there = browser.connect_to_server()

        def pass_on(message):
            if not lost and is_drawn and _drawing_in(message) is not None:
                lost.append(message)
            else:
                there.send(message)

        browser.on_message(pass_on)

    is_drawn = False
    page.route_web_socket(re.compile("_stcore/stream"), lose_first_stroke)
    page.goto(server)
    canvas(page).wait_for()
    before = settled(page)
    box = canvas(page).bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 200, box["y"] + 200, steps=4)
    all_changed(page, before)
    is_drawn = True
    page.mouse.up()
    page.wait_for_url(lambda url: "drawing=" in url)
    assert len(lost) == 1


async def _told_together(address):
    """The end of a stroke in the very message that tells of a frame; returns what the page then knows."""
    async with Session.opened(address) as session:
        drawing = Drawing((), ()).with_stroke("a line", [(60, 60), (200, 220)])
        before = json.loads(session.widget("pen").json)["told"]
        session.put("canvas", **canvas_state(drawing.shapes, data_url(to_png(drawing.canvas))))
        await session.tell("pen", "frame", {"seq": 1, "pixels": "", "after": before})
        await session.until(lambda: session.at_rest, "the answer to both")
        (seen,) = re.findall(
            r"src='([^']*)' alt='What the models see",
            "".join(element.html.body for element in session.elements()),
        )
        return picture_of(seen).convert("L"), grey_picture(to_mnist(drawing.canvas)[0, 0].numpy(), 28)


def test_a_stroke_that_ends_in_the_same_message_as_a_frame_is_not_lost(server):
    # In a thread of its own: the browser's driver keeps an event loop in this one.
    with ThreadPoolExecutor() as pool:
        seen, drawn = pool.submit(asyncio.run, _told_together(server)).result()
    assert np.array_equal(seen, drawn)
