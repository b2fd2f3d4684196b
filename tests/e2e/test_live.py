"""The slider, the strip, the noise and the code's units. Needs Chromium and the shipped checkpoints."""

import base64
import json
import struct

import pytest
from playwright.sync_api import expect

from ae_core.analysis.notation import power_notation
from ae_core.config import LADDERS
from tests.e2e.acts import (
    PANELS,
    choose_kind,
    gauge,
    noise_slider,
    opened,
    panel,
    press,
    settled,
    slider,
)


@pytest.mark.parametrize("kind", ["Contractive", "Sparse"])
def test_every_stop_of_the_slider_shows_another_sensitivity_and_other_gauges(context, server, kind):
    page = opened(context, f"{server}/?kind={kind}&noise=0.25")
    weights = LADDERS[kind.lower()]
    slider(page, kind=kind.lower()).press("Home")
    looks = []
    for weight in weights:
        expect(panel(page, "values")).to_contain_text(f"= {power_notation(weight)}MSE")
        looks.append(settled(page))
        slider(page, kind=kind.lower()).press("ArrowRight")
    for name, seen in zip(PANELS, zip(*looks, strict=True), strict=True):
        # Pictures and texts of the panel, also of the reconstruction: there is noise.
        assert len(set(seen)) == len(weights), name


def test_the_slider_of_b_changes_b_alone(page):
    press(page, "compare_b")
    expect(panel(page, "values", "B")).to_contain_text("B: λ = 0")
    before = settled(page)
    assert len(before) == 2 * len(PANELS)
    slider(page, "B").press("End")
    expect(panel(page, "values", "B")).to_contain_text("B: λ = 10⁻¹")
    after = settled(page)
    assert after[: len(PANELS)] == before[: len(PANELS)]
    assert all(now != old for now, old in zip(after[len(PANELS) :], before[len(PANELS) :], strict=True))
    press(page, "only_a")
    expect(panel(page, "values", "B")).to_have_count(0)
    assert settled(page) == before[: len(PANELS)]


def test_the_rest_of_the_page_follows_a_slider_that_rests(page):
    marked = page.locator(".small-chart text[font-weight='700']")
    expect(marked).to_have_text("A 10⁻⁴")
    for _ in range(2):
        slider(page).press("ArrowRight")
    expect(marked).to_have_text("A 10⁻²")
    page.wait_for_url(lambda url: "a=0.01" in url)


def pick(page, what):
    return page.locator(f".all-penalties [data-pick='{what}']")


def test_a_click_in_the_strip_shows_a_rung_as_a_and_its_pin_as_b(page):
    expect(page.locator(".all-penalties .cell img")).to_have_count(len(LADDERS["contractive"]) + 1)
    pick(page, "A:0.01").click()
    expect(panel(page, "values")).to_contain_text("A: λ = 10⁻²")
    expect(page.locator(".st-key-side_A")).to_contain_text("10⁻²")
    pick(page, "B:0.001").click()
    expect(panel(page, "values", "B")).to_contain_text("B: λ = 10⁻³")
    expect(panel(page, "values")).to_contain_text("A: λ = 10⁻²")
    page.wait_for_url(lambda url: "a=0.01" in url and "b=0.001" in url)
    marks = page.locator(".all-penalties .mark")
    expect(marks).to_have_text(["B", "A"])


def test_the_strip_works_with_the_keyboard_and_keeps_its_place(page):
    for what, side, weight in (("A:0.01", "A", "10⁻²"), ("B:0", "B", "0"), ("A:1e-06", "A", "10⁻⁶")):
        pick(page, what).focus()
        page.keyboard.press("Enter")
        expect(panel(page, "values", side)).to_contain_text(f"{side}: λ = {weight}MSE")
        settled(page)
        page.wait_for_function("what => document.activeElement?.dataset.pick === what", arg=what)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.dataset.pick") == "B:1e-06"


def place_of_unit(image, unit):
    """Where on a code's picture a unit is: its middle, as shares of width and height."""
    layout = json.loads(image.get_attribute("data-code"))
    tile, step = layout["tile"], layout["tile"] + layout["gap"]
    channel, inside = divmod(unit, tile * tile)
    row, column = divmod(layout["order"].index(channel), layout["columns"])
    width = layout["columns"] * step - layout["gap"]
    height = layout["rows"] * step - layout["gap"]
    return (
        (column * step + inside % tile + 0.5) / width,
        (row * step + inside // tile + 0.5) / height,
        struct.unpack_from("<f", base64.b64decode(layout["values"]), 4 * unit)[0],
    )


def point_at(page, image, unit):
    """Move the pointer onto a unit; returns its value, as the picture has it."""
    x, y, value = place_of_unit(image, unit)
    box = image.bounding_box()
    page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
    return page.evaluate("value => String(Number(value.toPrecision(3)))", value)


@pytest.mark.parametrize(("kind", "units"), [("Contractive", (0, 500, 1151)), ("Sparse", (0, 31, 63))])
def test_pointing_at_the_code_names_a_unit_and_a_click_opens_it(context, server, kind, units):
    page = opened(context, f"{server}/?kind={kind}")
    image = panel(page, "code").locator("img[data-code]")
    tip = page.locator(".unit-tip")
    for unit in units:
        value = point_at(page, image, unit)
        expect(tip).to_have_text(f"unit {unit}: {value}")
    page.mouse.move(5, 5)
    expect(tip).to_have_count(0)
    value = point_at(page, image, units[1])
    page.mouse.down()
    page.mouse.up()
    expect(page.locator(".st-key-view").get_by_role("radio", name="Units")).to_be_checked()
    page.wait_for_url(lambda url: f"unit={units[1]}" in url and "view=Units" in url)
    first = page.locator(".columns").filter(has=page.locator("b")).first.locator("b").first
    expect(first).to_have_text(str(units[1]))
    button = page.locator(f".st-key-unit_{units[1]} button")
    expect(button.locator("visible=true").first).to_have_text(str(units[1]))


def test_noise_is_on_what_the_models_see_and_the_error_is_against_the_clean_drawing(page):
    clean = settled(page)
    quiet = gauge(page, "MSE")
    corner = page.locator(".corner img")
    before = corner.get_attribute("src")
    for _ in range(6):
        noise_slider(page).press("ArrowRight")
    page.wait_for_url(lambda url: "noise=0.3" in url)
    noisy = settled(page)
    assert all(now != old for now, old in zip(noisy, clean, strict=True))
    assert corner.get_attribute("src") != before
    assert gauge(page, "MSE") > 2 * quiet
    noise_slider(page).press("Home")
    page.wait_for_url(lambda url: "noise" not in url)
    assert settled(page) == clean


def test_shaking_draws_the_noise_anew_by_itself_until_it_is_off(context, server):
    page = opened(context, f"{server}/?noise=0.3")
    toggle = page.locator(".st-key-shaking").get_by_role("switch")
    label = page.locator(".st-key-shaking label").first
    picture = panel(page, "reconstruction").locator("img")
    label.click()
    seen = {picture.get_attribute("src")}
    for _ in range(4):
        # Nobody does anything.
        page.wait_for_function(
            """seen => !seen.includes(
                document.querySelector(".panels.A .panel-reconstruction img")?.src ?? seen[0])""",
            arg=sorted(seen),
        )
        seen.add(picture.get_attribute("src"))
    assert len(seen) == 5
    label.click()
    expect(toggle).not_to_be_checked()
    at_rest = settled(page)
    # Four more draws would have come by now, if it went on.
    page.wait_for_timeout(1000)
    assert settled(page) == at_rest


def test_without_noise_there_is_nothing_to_shake(page):
    expect(page.locator(".st-key-shaking").get_by_role("switch")).to_be_disabled()
    choose_kind(page, "Sparse")
    expect(page.locator(".st-key-shaking").get_by_role("switch")).to_be_disabled()
