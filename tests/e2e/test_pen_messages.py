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
from ae_core.ui.pen import source
from tests.client import Session, canvas_state
from tests.drawings import Drawing, picture_of
from tests.e2e.acts import all_changed, canvas, press, settled, undo_button

LOAD = """async source => {
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const { default: call } = await import(url);
    window.draw = data => call({ data, setTriggerValue() {} });
}"""


def told_by_page(drawn_at, text, told=0, sliders=()):
    return {
        "drawnAt": drawn_at,
        "token": "a token",
        "told": told,
        "replaced": False,
        "parts": {".reading": f"<b>{text}</b>"},
        "sliders": dict(sliders),
        "letGo": 0,
    }


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (2, 3, 1), (1, 3, 2, 3)], ids=json.dumps)
def test_of_answers_that_come_in_any_order_the_newest_stays(browser, order):
    page = browser.new_page()
    page.set_content("<div class='reading'>first</div>")
    page.evaluate(LOAD, source())
    page.evaluate("answers => answers.forEach(window.draw)", [told_by_page(at, f"run {at}") for at in order])
    assert page.inner_text(".reading") == f"run {max(order)}"
    page.close()


DRAWING = """
<style>canvas { width: 280px; height: 280px }</style>
<div><canvas class='upper-canvas'></canvas><canvas class='lower-canvas'></canvas></div>
<div class='reading'></div>
<div id='page'><section class='part'><img alt='kept'><p>of the page</p></section></div>
"""
ANSWERING = """() => {
    window.asked = [];
    window.fetch = (address, request) => new Promise(answer => {
        window.asked.push({ address, after: request.headers["X-After"], token: request.headers["X-Lab-Token"],
            pixels: request.body.length });
        window.answer = parts => answer(new Response(`${JSON.stringify(parts)}\\n`));
    });
}"""
FRAME = {".part": "<img alt='kept'><p>of the stroke</p>"}


@pytest.fixture
def drawn_on(browser):
    """A page with a canvas and the pen's script; the pen is down, and its first frame is on its way."""
    page = browser.new_page()
    page.set_content(DRAWING)
    page.evaluate(ANSWERING)
    page.evaluate(LOAD, source())
    page.evaluate("data => window.draw(data)", told_by_page(1, ""))
    page.mouse.move(100, 100)
    page.mouse.down()
    page.mouse.move(150, 150)
    page.wait_for_function("() => window.asked.length === 1")
    yield page
    page.close()


def said(page):
    return page.inner_text(".part p")


def test_a_frame_goes_to_the_page_s_own_server_and_its_answer_stands_on_the_page(drawn_on):
    (asked,) = drawn_on.evaluate("() => window.asked")
    assert asked.pop("address").endswith("/frame")
    assert asked == {"after": 0, "token": "a token", "pixels": 140 * 140}
    drawn_on.evaluate("() => { window.picture = document.querySelector('.part img'); }")
    drawn_on.mouse.move(160, 160)
    drawn_on.evaluate("parts => window.answer(parts)", FRAME)
    drawn_on.wait_for_function("() => window.asked.length === 2")
    assert said(drawn_on) == "of the stroke"
    assert drawn_on.evaluate("() => window.picture === document.querySelector('.part img')"), "it would flash"


def test_what_the_page_leaves_as_it_was_is_as_it_was_before_the_stroke(drawn_on):
    """A stroke that is given up: the page has nothing new to draw."""
    drawn_on.evaluate("parts => window.answer(parts)", FRAME)
    drawn_on.wait_for_function("() => document.querySelector('.part p').textContent === 'of the stroke'")
    drawn_on.evaluate("data => window.draw(data)", told_by_page(2, "run 2"))
    assert said(drawn_on) == "of the page"
    assert drawn_on.inner_text(".reading") == "run 2"


def test_what_the_page_draws_anew_stays(drawn_on):
    drawn_on.evaluate("parts => window.answer(parts)", FRAME)
    drawn_on.wait_for_function("() => document.querySelector('.part p').textContent === 'of the stroke'")
    anew = "<section class=part><p>finished</p></section>"
    drawn_on.evaluate("anew => { document.querySelector('#page').innerHTML = anew; }", anew)
    drawn_on.evaluate("data => window.draw(data)", told_by_page(2, "run 2", told=1))
    assert said(drawn_on) == "finished"


def test_an_answer_that_comes_after_the_finished_stroke_is_not_shown(drawn_on):
    drawn_on.evaluate("data => window.draw(data)", told_by_page(2, "run 2", told=1))
    drawn_on.evaluate("parts => window.answer(parts)", FRAME)
    drawn_on.wait_for_function("() => window.autoencoderLabPen.inFlight === null")
    assert said(drawn_on) == "of the page"


SLIDER = "<div class='st-key-weight'><input type='range' min='0' max='6' value='3'></div>"


@pytest.fixture
def slid_on(browser):
    """A page with a slider at 3, which is held; it is moved to 5, and that question is on its way."""
    page = browser.new_page()
    page.set_content(DRAWING + SLIDER)
    page.evaluate(
        """() => {
            window.asked = [];
            window.fetch = (address, { headers }) => new Promise(answer => {
                window.asked.push([headers["X-Moved"], headers["X-Let-Go"]]);
                window.answer = parts => answer(new Response(`${JSON.stringify(parts)}\\n`));
            });
            window.moveTo = value => document.querySelector("input").setAttribute("value", value);
        }"""
    )
    page.evaluate(LOAD, source())
    page.evaluate("data => window.draw(data)", told_by_page(1, "", sliders=_slider(3)))
    page.evaluate("() => window.moveTo(4)")
    page.locator("input").dispatch_event("pointerdown")
    page.evaluate("() => window.moveTo(5)")
    page.wait_for_function("() => window.asked.length === 1")
    yield page
    page.close()


def _slider(at):
    return {"A": {"place": ".st-key-weight", "at": at}}


def _answered(page):
    page.evaluate("parts => window.answer(parts)", FRAME)
    page.wait_for_function("() => window.autoencoderLabPen.inFlight === null")
    return said(page)


def test_what_moves_a_slider_but_the_hand_is_not_asked_for(slid_on):
    assert slid_on.evaluate("() => window.asked") == [['{"A":5}', 0]]


def test_where_a_held_slider_stands_is_shown(slid_on):
    assert _answered(slid_on) == "of the stroke"


def test_what_was_asked_of_a_slider_before_the_page_moved_it_is_not_shown(slid_on):
    slid_on.evaluate("() => document.dispatchEvent(new PointerEvent('pointerup'))")
    slid_on.evaluate("() => window.moveTo(1)")
    slid_on.evaluate("data => window.draw(data)", told_by_page(2, "", sliders=_slider(1)))
    assert _answered(slid_on) == "of the page"


def test_a_page_drawn_as_a_held_slider_stood_before_is_asked_again(slid_on):
    assert _answered(slid_on) == "of the stroke"
    slid_on.evaluate("data => window.draw(data)", told_by_page(2, "", sliders=_slider(3)))
    assert said(slid_on) == "of the page"
    slid_on.wait_for_function("() => window.asked.length === 2")
    assert _answered(slid_on) == "of the stroke"


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


def _tells_token(message):
    states = BackMsg.FromString(message).rerun_script.widget_states.widgets
    return any("-returning" in one.id and "trigger" in one.WhichOneof("value") for one in states)


def test_a_visitor_whom_the_page_did_not_hear_comes_back_all_the_same(page):
    kept = page.evaluate("() => sessionStorage.getItem('autoencoder-lab')")
    press(page, "digit_7")
    page.wait_for_url(lambda url: "sample=7.0" in url)
    told = []

    def lose_first_token(browser):
        there = browser.connect_to_server()

        def pass_on(message):
            if _tells_token(message):
                told.append(message)
            if len(told) != 1 or not _tells_token(message):
                there.send(message)

        browser.on_message(pass_on)

    page.route_web_socket(re.compile("_stcore/stream"), lose_first_token)
    page.reload()
    canvas(page).wait_for()
    while len(told) < 2:
        page.wait_for_timeout(200)
    settled(page)
    assert page.evaluate("() => sessionStorage.getItem('autoencoder-lab')") == kept
    # What was there before the digit is known to this visitor's own page alone.
    undo_button(page).locator("visible=true").first.click()
    page.wait_for_url(lambda url: "sample" not in url)


async def _told_together(address):
    """The end of a stroke in a message about something else; returns what the page then knows."""
    async with Session.opened(address) as session:
        drawing = Drawing((), ()).with_stroke("a line", [(60, 60), (200, 220)])
        session.put("canvas", **canvas_state(drawing.shapes, data_url(to_png(drawing.canvas))))
        await session.tell("pen", "look", 1)
        await session.until(lambda: session.at_rest, "the answer to both")
        (seen,) = re.findall(
            r"src='([^']*)' alt='What the models see",
            "".join(element.html.body for element in session.elements()),
        )
        return picture_of(seen).convert("L"), grey_picture(to_mnist(drawing.canvas)[0, 0].numpy(), 28)


def test_a_stroke_that_ends_in_the_message_of_something_else_is_not_lost(server):
    # In a thread of its own: the browser's driver keeps an event loop in this one.
    with ThreadPoolExecutor() as pool:
        seen, drawn = pool.submit(asyncio.run, _told_together(server)).result()
    assert np.array_equal(seen, drawn)
