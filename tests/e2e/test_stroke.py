"""The panels follow the pen, one frame at a time. Needs Chromium and the shipped checkpoints."""

import base64

import numpy as np
import pytest
from playwright.sync_api import expect

from ae_core.data import load_mnist
from tests.e2e.acts import (
    DASH,
    IN_PANELS,
    PANELS,
    SEVEN,
    THREE,
    all_changed,
    canvas,
    changed,
    draw_and_settle,
    noise_slider,
    open_view,
    opened,
    panel,
    press,
    settled,
    slider,
)

SENT = """() => {
    const ask = window.fetch;
    window.sentFrames = [];
    let open = 0;
    window.fetch = async (address, request) => {
        if (!address.endsWith?.("/frame")) return ask(address, request);
        window.sentFrames.push([++open, request.body.length]);
        const answer = await ask(address, request);
        const text = await answer.text();
        open -= 1;
        return new Response(text);
    };
}"""
"""Keeps, of every frame that goes out, how many are then on their way, and its length."""


class Mouse:
    def __init__(self, page):
        self._page = page

    def down(self, x, y):
        self._page.mouse.move(x, y)
        self._page.mouse.down()

    def move(self, x, y):
        self._page.mouse.move(x, y, steps=2)

    def up(self):
        self._page.mouse.up()


class Finger:
    """Real touches, as the browser gets them from a screen."""

    def __init__(self, page):
        self._browser = page.context.new_cdp_session(page)

    def _send(self, kind, *points):
        places = [{"x": x, "y": y} for x, y in points]
        self._browser.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    def down(self, x, y):
        self._send("touchStart", (x, y))

    def move(self, x, y):
        self._send("touchMove", (x, y))

    def up(self):
        self._send("touchEnd")


@pytest.mark.parametrize(
    ("pen_class", "options", "view"),
    [
        (Mouse, {}, "Play"),
        (Mouse, {}, "Robustness"),
        (Finger, {"has_touch": True}, "Play"),
        (Finger, {"has_touch": True, "is_mobile": True, "width": 390, "height": 844}, "Play"),
    ],
    ids=["mouse", "mouse in another view", "finger", "finger on a phone"],
)
def test_all_panels_follow_the_pen_before_it_is_lifted(visitor, server, pen_class, options, view):
    page = opened(visitor(**options), f"{server}/?view={view}")
    page.evaluate(SENT)
    pen, box = pen_class(page), canvas(page).bounding_box()
    scale = box["width"] / 280
    looks, readings, in_full = [page.evaluate(f"() => {IN_PANELS}")], set(), set()
    start, *others = [(box["x"] + scale * x, box["y"] + scale * y) for x, y in THREE]
    pen.down(*start)
    for place in others:
        pen.move(*place)
        # No stroke is finished yet: only its frames can change the panels.
        changed(page, looks[-1])
        looks.append(page.evaluate(f"() => {IN_PANELS}"))
        readings.add(page.locator(".reading").inner_html())
        in_full |= set(page.locator(".more .of-drawing").all_inner_texts())
    assert "drawing=" not in page.url
    assert len(readings) > 3, "what the code is read as follows, too"
    assert view != "Play" or len(in_full) > 3, "and the values in full"
    for name, seen in zip(PANELS, zip(*looks, strict=True), strict=True):
        assert len(set(seen)) == len(THREE), name
    pen.up()
    page.wait_for_url(lambda url: "drawing=" in url)
    settled(page)
    sent = page.evaluate("() => window.sentFrames")
    assert len(sent) >= len(others)
    assert {on_their_way for on_their_way, _ in sent} == {1}
    press(page, "undo")
    page.wait_for_url(lambda url: "drawing=" not in url)
    assert settled(page)[:4] == looks[0][:4]


def test_the_next_stroke_is_followed_too_and_what_is_shown_at_last_is_the_drawing(page):
    one = draw_and_settle(page, THREE)
    box = canvas(page).bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 30, steps=4)
    changed(page, one)
    during = page.evaluate(f"() => {IN_PANELS}")
    page.mouse.move(box["x"] + 250, box["y"] + 30, steps=4)
    changed(page, during)
    page.mouse.up()
    page.wait_for_url(lambda url: url.count(".0m") == 1)
    two = settled(page)
    three = draw_and_settle(page, SEVEN)
    # What was finished comes back as the canvas told of it, and so it was shown.
    press(page, "undo")
    assert all_changed(page, three) == two
    press(page, "undo")
    assert all_changed(page, two) == one


def test_what_is_shown_as_the_pen_is_lifted_is_what_the_finished_stroke_shows(page):
    draw_and_settle(page, SEVEN)
    page.evaluate(SENT)
    box = canvas(page).bounding_box()
    for attempt in range(4):
        before, sent = page.url, page.evaluate("() => window.sentFrames.length")
        page.mouse.move(box["x"] + 40 * (1 + attempt), box["y"] + 30)
        page.mouse.down()
        page.mouse.move(box["x"] + 40 * (1 + attempt), box["y"] + 250, steps=4)
        page.mouse.up()
        page.wait_for_function(
            """([sent, before]) => location.href !== before || (window.autoencoderLabPen.inFlight === null
                && window.sentFrames.slice(sent).some(([, length]) => length === 280 * 280))""",
            arg=[sent, before],
        )
        lifted = page.evaluate(f"() => [{IN_PANELS}, location.href]")
        page.wait_for_url(lambda url, before=before: url != before)
        finished = settled(page)
        # On a busy machine the page may hear of the stroke before it has shown the frame.
        if lifted[1] == before:
            assert lifted[0] == finished
            return
    pytest.fail("the last frame was never answered before the page was drawn")


def ink_at(page, x, y):
    """How bright a person sees the canvas at a place: whatever lies there, 0 to 255."""
    box = canvas(page).bounding_box()
    clip = {"x": box["x"] + x - 2, "y": box["y"] + y - 2, "width": 4, "height": 4}
    return page.evaluate(
        """async picture => {
            const image = new Image();
            image.src = "data:image/png;base64," + picture;
            await image.decode();
            const brush = new OffscreenCanvas(4, 4).getContext("2d");
            brush.drawImage(image, 0, 0, 4, 4);
            return brush.getImageData(1, 1, 1, 1).data[1];
        }""",
        base64.b64encode(page.screenshot(clip=clip)).decode(),
    )


def inked_place():
    """A place on the canvas, far from `DASH`, that the digit of a new page covers with ink."""
    images, labels = load_mnist("test")
    three = images[labels == 3][2, 0].numpy()
    (rows, columns) = np.nonzero(three[10:20, 5:20] > 250)
    return 10 * (columns[0] + 5) + 5, 10 * (rows[0] + 10) + 5


def test_the_first_stroke_replaces_the_digit_of_a_new_page_and_no_later_one_does(page):
    place, on_dash = inked_place(), (40, 20)
    start = settled(page)
    assert ink_at(page, *place) > 200
    box = canvas(page).bounding_box()
    page.mouse.move(box["x"] + DASH[0][0], box["y"] + DASH[0][1])
    page.mouse.down()
    assert ink_at(page, *place) < 20, "covered from the first touch on"
    page.mouse.move(box["x"] + DASH[1][0], box["y"] + DASH[1][1], steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: "drawing=" in url)
    dash = settled(page)
    assert ink_at(page, *place) < 20
    assert ink_at(page, *on_dash) > 200
    draw_and_settle(page, SEVEN)
    assert ink_at(page, *on_dash) > 200, "the second stroke leaves the first"
    press(page, "undo")
    page.wait_for_url(lambda url: "." not in url.partition("drawing=")[2])
    assert settled(page) == dash
    press(page, "undo")
    page.wait_for_url(lambda url: "drawing=" not in url)
    assert settled(page) == start
    assert ink_at(page, *place) > 200, "Undo brings the digit back"


def test_a_digit_that_was_placed_stays_under_the_pen(page):
    press(page, "digit_3")
    page.wait_for_url(lambda url: "sample=3." in url)
    settled(page)
    draw_and_settle(page, DASH)
    assert "sample=3." in page.url
    assert "drawing=" in page.url


NO_SCRIPTS = """(() => {
    const Real = window.Blob;
    window.blockedScripts = 0;
    window.Blob = function (parts, options) {
        if (options?.type !== "text/javascript") return new Real(parts, options);
        window.blockedScripts += 1;
        return new Real(["throw new Error('blocked')"], options);
    };
    window.Blob.prototype = Real.prototype;
})()"""
"""Streamlit makes a module of each of the page's own scripts this way; the canvas has a file of its own."""


def test_where_the_page_s_own_scripts_do_not_run_strokes_slider_digits_and_undo_work(visitor, server):
    context = visitor()
    context.add_init_script(NO_SCRIPTS)
    page = opened(context, server)
    assert page.evaluate("() => window.blockedScripts") > 0
    assert page.evaluate("() => window.autoencoderLabPen === undefined")
    start = settled(page)
    three = draw_and_settle(page, THREE)
    assert all(now != before for now, before in zip(three, start, strict=True))
    slider(page).press("ArrowLeft")
    page.wait_for_url(lambda url: "a=1e-05" in url)
    slid = all_changed(page, three)
    slider(page).press("ArrowRight")
    assert all_changed(page, slid) == three
    press(page, "digit_7")
    seven = all_changed(page, three)
    press(page, "undo")
    assert all_changed(page, seven) == three
    noise_slider(page).press("ArrowRight")
    expect(panel(page, "values")).not_to_have_text(three[4])
    open_view(page, "Compare").get_by_text("MSE of this digit").wait_for()
