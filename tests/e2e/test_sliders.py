"""The panels follow a slider while it is held. Needs Chromium and the shipped checkpoints."""

import pytest
from playwright.sync_api import expect

from tests.e2e.acts import (
    all_changed,
    gauge,
    held,
    noise_slider,
    opened,
    panel,
    press,
    settled,
    slider,
)

TITLES = """() => {
    window.titles = [];
    const look = () => {
        const title = document.querySelector(".panels.A .panel-values h3")?.textContent;
        if (title !== undefined && window.titles.at(-1) !== title) window.titles.push(title);
        requestAnimationFrame(look);
    };
    look();
}"""
"""Keeps what A's gauges say whose values they are, at every frame of the screen, where it changes."""


def title(page, side="A"):
    return panel(page, "values", side).locator("h3")


@pytest.mark.parametrize("side", ["A", "B"])
def test_panels_reading_and_corner_follow_a_slider_before_it_is_let_go(page, side):
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    start = settled(page)
    others = page.locator(f".panels.{'BA'['AB'.index(side)]}").inner_html()
    readings = {page.locator(".reading").inner_html()}
    stops = {"A": ("10⁻⁵", "0", "10⁻⁶", "10⁻¹"), "B": ("10⁻⁶", "10⁻⁴", "10⁻²", "10⁻³")}[side]
    moves = {"A": (-1, -2, 1, 5), "B": (1, 2, 2, -1)}[side]
    address, looks = page.url, set()
    for stop, _ in zip(stops, held(page, slider(page, side), moves), strict=True):
        expect(title(page, side)).to_have_text(f"{side}: λ = {stop}")
        # The reading comes after the panels.
        page.wait_for_function("() => window.autoencoderLabPen.inFlight === null")
        looks.add(panel(page, "sensitivity", side).locator("img").get_attribute("src"))
        readings.add(page.locator(".reading").inner_html())
        assert page.url == address, "the page has not heard of it"
    assert len(looks) == 4
    assert len(readings) == 5
    assert page.locator(f".panels.{'BA'['AB'.index(side)]}").inner_html() == others
    during = page.locator(f".panels.{side}").inner_html()
    page.mouse.up()
    page.wait_for_url(lambda url: url != address)
    at_rest = settled(page)
    assert at_rest != start
    assert page.locator(f".panels.{side}").inner_html() == during, "what the page shows is what was shown"


def test_noise_is_on_everything_before_its_slider_is_let_go(page):
    clean = settled(page)
    error = panel(page, "values").get_by_role("meter", name="MSE")
    errors, corner = [gauge(page, "MSE")], page.locator(".corner img").get_attribute("src")
    said = error.get_attribute("aria-label")
    for _ in held(page, noise_slider(page), (1, 1, 1)):
        expect(error).not_to_have_attribute("aria-label", said)
        said = error.get_attribute("aria-label")
        errors.append(gauge(page, "MSE"))
    assert errors == sorted(errors)
    assert page.locator(".corner img").get_attribute("src") != corner
    assert "noise" not in page.url
    page.mouse.up()
    page.wait_for_url(lambda url: "noise=0.15" in url)
    assert all(now != before for now, before in zip(settled(page), clean, strict=True))
    assert gauge(page, "MSE") == errors[-1]


def test_a_slider_that_comes_back_to_where_it_stood_shows_what_it_showed(page):
    before = settled(page)
    for _, stop in zip(held(page, slider(page), (1, -1)), ("10⁻³", "10⁻⁴"), strict=True):
        expect(title(page)).to_have_text(f"A: λ = {stop}")
    page.mouse.up()
    assert settled(page) == before


def test_what_shakes_while_a_slider_is_held_is_the_model_at_which_it_is_held(context, server):
    page = opened(context, f"{server}/?noise=0.3")
    page.locator(".st-key-shaking label").first.click()
    picture = panel(page, "reconstruction").locator("img")
    (_,) = held(page, slider(page), (-3,))
    expect(title(page)).to_have_text("A: λ = 0")
    seen = {picture.get_attribute("src")}
    for number in range(6):
        if number == 2:
            # What was on its way as the slider came here has been drawn.
            page.evaluate(TITLES)
        page.wait_for_function(
            """seen => !seen.includes(
                document.querySelector(".panels.A .panel-reconstruction img")?.src ?? seen[0])""",
            arg=sorted(seen),
        )
        seen.add(picture.get_attribute("src"))
    page.mouse.up()
    page.wait_for_url(lambda url: "a=0" in url)
    assert page.evaluate("() => window.titles") == ["A: λ = 0"], "it never went back"


def test_a_slider_whose_questions_get_lost_works_when_it_is_let_go(page):
    before = settled(page)
    page.route("**/frame", lambda route: route.abort())
    (_,) = held(page, slider(page), (2,))
    page.mouse.up()
    page.wait_for_url(lambda url: "a=0.01" in url)
    all_changed(page, before)
    expect(title(page)).to_have_text("A: λ = 10⁻²")
