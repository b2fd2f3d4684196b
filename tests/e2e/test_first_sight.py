"""What is in sight, on which screen, and how large. Needs Chromium and the shipped checkpoints."""

import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from ae_core.ui import ahead
from tests.e2e.acts import (
    PANELS,
    VIEWS,
    canvas,
    no_complaint,
    open_view,
    opened,
    panel,
    press,
    settled,
    sideways,
)
from tests.e2e.conftest import PATIENCE_MS, server_process

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


def outside(page, locators):
    """Those of the elements, by name, of which a part lies outside the window; how far."""
    window = page.viewport_size
    found = {}
    for name, locator in locators.items():
        box = locator.bounding_box()
        ends = (
            box["x"],
            box["y"],
            window["width"] - box["x"] - box["width"],
            window["height"] - box["y"] - box["height"],
        )
        if min(ends) < 0 or min(box["width"], box["height"]) <= 0:
            found[name] = box
    return found


def first_sight(page):
    """What a new visitor is to see at once, by name."""
    views = page.locator(".st-key-view")
    return {
        "canvas": canvas(page),
        "noise": page.locator(".st-key-noise"),
        "shake": page.locator(".st-key-shaking"),
        "digit 0": page.locator(".st-key-digit_0 button").locator("visible=true").first,
        "digit 9": page.locator(".st-key-digit_9 button").locator("visible=true").first,
        "slider": page.locator(".st-key-weight_A_contractive"),
        "compare": page.locator(".st-key-compare_b"),
        "strip": page.locator(".all-penalties"),
        "kind": page.locator(".st-key-kind"),
        "idea and loss": page.locator(".idea"),
        **{name: panel(page, name) for name in PANELS},
        **{view: views.get_by_role("radio", name=view, exact=True) for view in VIEWS},
    }


@pytest.mark.parametrize(
    "size",
    [
        {"width": 1280, "height": 720},
        {"width": 1440, "height": 900},
        {"width": 1440, "height": 900, "color_scheme": "dark"},
    ],
    ids=lambda size: " ".join(map(str, size.values())),
)
def test_the_whole_lesson_is_in_sight_without_scrolling(visitor, server, size):
    page = opened(visitor(**size), server)
    assert outside(page, first_sight(page)) == {}
    expect(page.locator(".idea")).to_contain_text("loss = MSE + λ · ‖J‖²")
    assert page.locator(".all-penalties").inner_text().count("10") >= 6
    assert sideways(page) == [0, 0]
    # By these classes others find the parts of the page.
    parts = ["shake", "all_penalties", *(f"panel_A_{name}" for name in PANELS[:4])]
    for part in parts:
        expect(page.locator(f".st-key-{part}")).to_be_visible()


SMALL_TEXT = """() => {
    const found = {}, texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, element = text.parentElement, style = getComputedStyle(element);
        const range = document.createRange();
        range.selectNodeContents(text);
        const box = range.getBoundingClientRect();
        const seen = text.textContent.trim() && box.width > 0 && box.height > 0
            && element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
        // A drawing may be scaled: what counts is how large its text is on the screen.
        const drawing = element.ownerSVGElement, shape = drawing?.viewBox.baseVal;
        const scale = shape?.width ? drawing.getBoundingClientRect().width / shape.width : 1;
        const size = parseFloat(style.fontSize) * scale;
        if (seen && size < 11.95) found[text.textContent.trim().slice(0, 40)] = size;
    }
    return found;
}"""

NARROW = """() => [...document.querySelectorAll(".stPlotlyChart")].filter(chart => chart.clientWidth < 300)
    .map(chart => [chart.getAttribute("aria-label"), chart.clientWidth])"""
"""Charts of which a third or more is names and ticks."""


@pytest.mark.parametrize(
    ("options", "sizes"),
    [({}, [(1280, 720), (1024, 576), (820, 1180)]), (PHONE, [(PHONE["width"], PHONE["height"])])],
    ids=["desk and tablet", "phone"],
)
def test_every_view_fits_can_be_read_and_leaves_canvas_and_title_free(visitor, server, options, sizes):
    page = opened(visitor(**options), f"{server}/?kind=Sparse")
    found = {}

    def look(name):
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            settled(page)
            seen = [sideways(page) != [0, 0], covered(page), page.evaluate(SMALL_TEXT), page.evaluate(NARROW)]
            if any(seen):
                found[name, width] = seen

    for narrowest_and_widest in [(360, 740)] if options else [(2560, 1440)]:
        sizes.append(narrowest_and_widest)
        look("at first")
        sizes.pop()
    press(page, "compare_b")
    panel(page, "values", "B").wait_for()
    for name in VIEWS:
        open_view(page, name)
        look(name)
    assert found == {}


def covered(page):
    """Which of the canvas and the title are cut off or lie under something else, by what."""
    return page.evaluate(
        """([canvas, title]) => [canvas, title].flatMap(element => {
            element.scrollIntoView({ block: "nearest" });
            const box = element.getBoundingClientRect();
            if (box.left < 0 || box.right > innerWidth) return [[element.tagName, box.left, box.right]];
            const at = document.elementFromPoint(box.left + 20, box.top + 4);
            const host = element.getRootNode().host ?? element;
            const fine = host === at || host.contains(at) || at?.contains(host);
            return fine ? [] : [[element.tagName, at?.outerHTML.slice(0, 200)]];
        })""",
        [
            canvas(page).element_handle(),
            page.get_by_role("heading", name="Autoencoder Lab").element_handle(),
        ],
    )


def scrolled(page, by):
    """Scroll the page down."""
    main = page.locator("[data-testid='stMain']")
    main.evaluate("(main, by) => main.scrollTo(0, by)", by)
    page.wait_for_function(
        """by => Math.abs(document.querySelector("[data-testid='stMain']").scrollTop - by) < 2""", arg=by
    )


def test_the_controls_of_a_and_b_stand_in_one_line(visitor, server):
    page = opened(visitor(width=1280, height=720), f"{server}/?b=0")
    line = page.locator(".st-key-side_A").bounding_box()
    for key in ("side_B", "only_a", "own_scales", "more"):
        box = page.locator(f".st-key-{key}").bounding_box()
        assert line["y"] <= box["y"] + box["height"] / 2 <= line["y"] + line["height"], key
    assert box["x"] + box["width"] <= 1280


def test_on_a_phone_the_canvas_and_what_a_makes_of_it_stay_in_sight(visitor, server):
    page = opened(visitor(**PHONE), server)
    both = {"canvas": canvas(page), "result": page.locator(".result img")}
    assert outside(page, both) == {}
    scrolled(page, 600)
    assert outside(page, both) == {}
    stays = page.locator("[data-testid='stColumn']:has(.st-key-left)").bounding_box()
    assert stays["height"] < PHONE["height"] / 2, "the rest needs room, too"


def test_a_panel_s_title_stays_one_line_where_panels_are_narrow(visitor, server):
    page = opened(visitor(width=820, height=1180), server)
    lines = page.locator(".panel h3").evaluate_all(
        """titles => titles.map(title => {
            const text = document.createRange();
            text.selectNodeContents(title);
            const tops = [...text.getClientRects()].map(line => line.top + line.height / 2);
            return Math.max(...tops) - Math.min(...tops) < 8;
        })"""
    )
    assert lines == [True] * len(PANELS)


@pytest.mark.parametrize("options", [{"width": 820, "height": 1180}, PHONE], ids=["tablet", "phone"])
def test_no_name_in_the_strip_of_all_penalties_reaches_into_the_next(visitor, server, options):
    page = opened(visitor(**options), server)
    beyond = page.locator(".all-penalties .cell").evaluate_all(
        """cells => cells.map(cell => {
            const { left, right } = cell.getBoundingClientRect();
            return [...cell.querySelectorAll("div > *")].some(part => {
                const box = part.getBoundingClientRect();
                return box.left < left - 1 || box.right > right + 1;
            });
        })"""
    )
    assert beyond == [False] * 8


def test_presenting_shows_the_named_views_alone_in_larger_type(visitor, server):
    page = opened(visitor(width=1280, height=720), f"{server}/?present=1&views=Play,Robustness")
    expect(page.locator(".st-key-view").get_by_role("radio")).to_have_text(["Play", "Robustness"])
    expect(page.get_by_role("heading", name="Autoencoder Lab")).to_have_count(0)
    expect(page.locator(".st-key-more")).to_have_count(0)
    assert page.evaluate("() => getComputedStyle(document.documentElement).fontSize") == "20px"
    assert outside(page, {name: panel(page, name) for name in PANELS}) == {}
    open_view(page, "Robustness")
    settled(page)
    assert sideways(page) == [0, 0]


def test_the_guide_of_an_experiment_stays_in_sight(visitor, server):
    page = opened(visitor(width=1280, height=720), f"{server}/?experiment=2")
    guide = page.locator(".st-key-guide")
    expect(guide).to_contain_text("2.")
    settled(page)
    scrolled(page, 400)
    assert outside(page, {"guide": guide, "canvas": canvas(page)}) == {}
    press(page, "guide_next")
    page.wait_for_url(lambda url: "experiment=3" in url)
    expect(guide).to_contain_text("3.")


READ = """() => performance.getEntriesByType("resource").map(({ name }) => name.split("/").pop())
    .filter(name => /^(PlotlyChart|DataFrame)[.]/.test(name))"""
"""The scripts of charts and tables that the browser has asked for."""


def test_what_views_are_drawn_with_is_read_while_nobody_does_anything(context, server):
    page = opened(context, server)
    page.wait_for_function(f"() => ({READ})().length === 2")
    assert sorted(page.evaluate(READ)) == sorted(ahead.files())
    no_complaint(page)


def test_it_is_not_read_while_the_pointer_moves_but_when_it_comes_to_the_views(context, server):
    page = opened(context, server)
    assert page.evaluate(READ) == []
    box = canvas(page).bounding_box()
    for step in range(25):
        page.mouse.move(box["x"] + 10 * step, box["y"] + 20)
        page.wait_for_timeout(200)
    assert page.evaluate(READ) == []
    views = page.locator(".st-key-view").bounding_box()
    # It never comes to rest here, either.
    for step in range(300):
        if len(page.evaluate(READ)) == 2:
            break
        page.mouse.move(views["x"] + 10 + step % 5, views["y"] + 10)
        page.wait_for_timeout(200)
    assert len(page.evaluate(READ)) == 2


def test_a_server_is_ready_for_the_first_visitor_before_anybody_comes(tmp_path):
    with server_process(tmp_path / "log") as (_, process):
        libraries = Path(f"/proc/{process.pid}/maps")
        for _ in range(PATIENCE_MS // 100):
            if "libtorch" in libraries.read_text():
                return
            time.sleep(0.1)
    pytest.fail("PyTorch was not loaded without a visitor")
