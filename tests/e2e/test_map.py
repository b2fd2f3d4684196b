"""The map in a real browser: it moves while one draws, and a click on it leads to a digit. Needs Chromium."""

from playwright.sync_api import expect

from tests.e2e.acts import canvas, open_view, settled


def place(page):
    return page.locator(".atlas-marks .here").get_attribute("style")


def test_the_drawing_moves_on_the_map_before_the_pen_is_up(page):
    open_view(page, "Map")
    page.locator(".atlas-marks .here").wait_for()
    settled(page)
    before = place(page)
    box = canvas(page).bounding_box()
    at = [(box["x"] + x, box["y"] + y) for x, y in ((60, 60), (200, 80), (90, 220), (220, 230))]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=6)
    moved = "before => document.querySelector('.atlas-marks .here').getAttribute('style') !== before"
    page.wait_for_function(moved, arg=before)
    page.mouse.up()


def test_a_click_on_the_map_leads_to_the_digit_that_the_tip_named(page):
    open_view(page, "Map")
    page.locator(".atlas-marks .here").wait_for()
    atlas = page.locator(".atlas")
    atlas.scroll_into_view_if_needed()
    box = atlas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    tip = page.locator(".unit-tip")
    expect(tip).to_contain_text("test digit")
    page.mouse.click(*middle)
    expect(page.get_by_text("Through the code")).to_be_visible()
    goal = page.locator(".atlas-marks .goal").bounding_box()
    assert abs(goal["x"] + goal["width"] / 2 - middle[0]) < 20
    assert abs(goal["y"] + goal["height"] / 2 - middle[1]) < 20
    # A neighbour goes onto the canvas; the first is the digit that is there already.
    page.locator(".strip.behind button").nth(1).click()
    page.wait_for_url("**sample=**")
