"""The address, links, Back and Forward. Needs Chromium and the shipped checkpoints."""

import urllib.parse

import pytest
from playwright.sync_api import expect

from tests.e2e.acts import (
    DASH,
    SEVEN,
    THREE,
    all_changed,
    choose_kind,
    cleared,
    draw_and_settle,
    gauge,
    no_complaint,
    noise_slider,
    open_view,
    opened,
    panel,
    press,
    settled,
    slider,
)


def said(page):
    """What the address says, by name."""
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))


def until_said(page, **expected):
    """Wait until the address says this; None: nothing."""
    page.wait_for_url(
        lambda url: all(
            dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query)).get(name) == value
            for name, value in expected.items()
        )
    )


def followed(context, address, **parameters):
    """The page behind a link, for a new visitor, with its panels filled."""
    return opened(context, f"{address}/?{urllib.parse.urlencode(parameters)}")


def open_robustness(page, blur):
    view = open_view(page, "Robustness")
    view.get_by_text("Blur", exact=True).click()
    expect(view.get_by_text("Blur: standard deviation in pixels", exact=True)).to_be_visible()
    view.locator(".st-key-strength_blur input[type=range]").first.press("ArrowRight")
    expect(view.locator(".st-key-strength_blur")).to_contain_text(blur)


def test_a_link_shows_another_visitor_the_same_page(visitor, page):
    choose_kind(page, "Sparse")
    slider(page, kind="sparse").press("ArrowLeft")
    expect(panel(page, "values")).to_contain_text("A: β = 2·10⁻³")
    press(page, "digit_7")
    until_said(page, sample="7.0")
    open_robustness(page, "0.60")
    mine = settled(page)
    assert said(page) == {
        "kind": "Sparse",
        "a": "0.002",
        "sample": "7.0",
        "view": "Robustness",
        "change": "Blur",
        "strength_blur": "0.6",
    }
    theirs = opened(visitor(), page.url)
    expect(theirs.locator(".st-key-strength_blur")).to_contain_text("0.60")
    assert settled(theirs) == mine


def test_a_link_carries_strokes_noise_and_both_models(visitor, page):
    draw_and_settle(page, THREE)
    draw_and_settle(page, SEVEN)
    slider(page).press("ArrowLeft")
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    slider(page, "B").press("ArrowRight")
    until_said(page, a="1e-05", b="1e-06")
    for _ in range(5):
        noise_slider(page).press("ArrowRight")
    until_said(page, noise="0.25")
    settled(page)
    theirs = opened(visitor(), page.url)
    assert said(theirs) == said(page)
    assert said(theirs)["drawing"].count(".") == 1, "two strokes"
    expect(theirs.locator(".st-key-noise")).to_contain_text("0.25")
    # A stroke is told in whole pixels: what is drawn from a link has slightly other edges.
    for side, weight in (("A", "10⁻⁵"), ("B", "10⁻⁶")):
        expect(panel(theirs, "values", side)).to_contain_text(f"{side}: λ = {weight}")
        for name in ("MSE", "‖J‖²", "active"):
            mine = gauge(page, name, side)
            assert gauge(theirs, name, side) == pytest.approx(mine, rel=0.1), (side, name)


def test_an_empty_canvas_stands_in_the_link_too(visitor, page):
    cleared(page)
    until_said(page, drawing="blank")
    theirs = visitor().new_page()
    theirs.goto(page.url)
    expect(panel(theirs, "code")).to_contain_text("Draw a digit.")


def test_junk_in_a_link_shows_the_page_as_it_starts(context, server, page):
    junk = {
        "kind": "Variational",
        "a": "-3",
        "b": "../../etc/passwd",
        "noise": "nan",
        "view": "<script>",
        "sample": "7.99999",
        "drawing": "0m!",
        "unit": "99999",
        "experiment": "0",
        "change": "9",
        "strength_shift": "nan",
        "tangent": "1e9",
        "own_scales": "perhaps",
        "present": "yes",
        "views": "None",
    }
    start = settled(page)
    other = followed(context, server, **junk)
    assert settled(other) == start
    # Those whose own controls the link names.
    for name in ("Units", "Jacobian", "Robustness"):
        open_view(other, name)
        settled(other)
        no_complaint(other)


def test_a_stroke_over_a_test_digit_stands_beside_it_in_the_link_and_undo_takes_it_out(context, server):
    page = followed(context, server, sample="3.0")
    before = settled(page)
    over = draw_and_settle(page, DASH)
    assert said(page)["sample"] == "3.0"
    assert said(page)["drawing"]
    press(page, "undo")
    assert all_changed(page, over) == before
    until_said(page, sample="3.0", drawing=None)


def test_back_and_forward_lead_to_the_states_before_and_after(context, server):
    page = followed(context, server, sample="7.0")
    seven = settled(page)
    press(page, "digit_3")
    until_said(page, sample="3.0")
    settled(page)
    choose_kind(page, "Sparse")
    expect(panel(page, "values")).to_contain_text("of 64")
    open_view(page, "Learn")
    until_said(page, view="Learn")
    three = settled(page)
    press(page, "digit_5")
    until_said(page, sample="5.0")
    five = all_changed(page, three)
    drawn = draw_and_settle(page, DASH)
    for sample, expected in (("5.0", five), ("3.0", three)):
        page.go_back()
        until_said(page, sample=sample, drawing=None)
        assert all_changed(page, drawn) == expected
        # It stays there: the page does not write another address again.
        assert said(page) == {"sample": sample, "kind": "Sparse", "view": "Learn"}
        drawn = expected
    page.go_back()
    until_said(page, sample="3.0", kind="Sparse", view=None)
    expect(page.locator(".st-key-view").get_by_role("radio", name="Play")).to_be_checked()
    page.go_back()
    until_said(page, sample="3.0", kind=None)
    expect(panel(page, "values")).to_contain_text("of 1152")
    page.go_back()
    until_said(page, sample="7.0")
    assert all_changed(page, three) == seven
    for said_then in ({"sample": "3.0"}, {"kind": "Sparse"}, {"view": "Learn"}):
        page.go_forward()
        until_said(page, **said_then)
        settled(page)
    assert all_changed(page, seven) == three
    expect(page.locator(".st-key-view").get_by_role("radio", name="Learn")).to_be_checked()


def test_back_and_forward_walk_through_strokes_and_stops_of_the_slider(page):
    states = [(page.url, settled(page))]

    def step():
        states.append((page.url, settled(page)))

    for points in (THREE, SEVEN):
        draw_and_settle(page, points)
        step()
    for weight in ("1e-05", "1e-06"):
        slider(page).press("ArrowLeft")
        until_said(page, a=weight)
        step()
    for address, look in states[-2::-1]:
        page.go_back()
        page.wait_for_url(address)
        # What lies behind is still known as it was drawn.
        page.wait_for_function(
            "text => document.querySelector('.panels.A .panel-values').textContent === text", arg=look[4]
        )
        assert settled(page) == look
    for address, _ in states[1:]:
        page.go_forward()
        page.wait_for_url(address)
        settled(page)
        assert page.url == address
    expect(panel(page, "values")).to_contain_text("A: λ = 10⁻⁶")
    press(page, "undo")
    page.wait_for_url(lambda url: "drawing=" in url and "." not in url.partition("drawing=")[2])
