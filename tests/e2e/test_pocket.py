"""The pocket edition: its numbers against `ae_core`, and what a person does in it. Needs Chromium."""

import base64
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from PIL import Image, ImageDraw
from playwright.sync_api import Error, expect

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.analysis.ladder_range import LadderRange
from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.model import seeded_autoencoder
from ae_core.pocket.models import PocketModel, open_ladders
from ae_core.pocket.page import SCRIPTS, to_page
from ae_core.render import maps, unit_pictures
from tests.e2e.acts import DASH, SEVEN, THREE

RUNGS = [path for kind in KINDS for path in ladder_paths(kind).values()]
START = "contractive-0.0001"
INSPECT = """async ([name, pixels]) => {
    const found = await lab.inspect(name, Float32Array.from(pixels));
    return { ...found, code: [...found.code], reconstruction: [...found.reconstruction],
        sensitivity: [...found.sensitivity] };
}"""
TO_MNIST = """([width, height, rgba]) => {
    const data = Uint8ClampedArray.from(atob(rgba), character => character.charCodeAt(0));
    const found = lab.toMnist(new ImageData(data, width, height));
    return found && [...found];
}"""
ON_CANVAS = """() => {
    const canvas = document.querySelector("#canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let text = "";
    for (let place = 0; place < data.length; place += 4) text += String.fromCharCode(data[place]);
    return btoa(text);
}"""
"""Grey levels: numbers one by one take long to arrive."""
SEEN = """() => {
    const { data } = document.querySelector("#seen").getContext("2d").getImageData(0, 0, 28, 28);
    return [...data].filter((_, place) => place % 4 === 0);
}"""
RGB = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, canvas.width, [...data]];
}"""
PICTURES = """() => [...document.querySelectorAll("canvas")]
    .filter(canvas => canvas.id !== "seen" && canvas.checkVisibility()).map(canvas => canvas.toDataURL())"""
"""What is painted on every canvas in sight."""


@pytest.fixture(scope="module")
def models():
    return open_ladders()


@pytest.fixture(scope="module")
def file(tmp_path_factory, models):
    """The file with both ladders, on the disk."""
    path = tmp_path_factory.mktemp("pocket") / "lab.html"
    path.write_text(to_page(models), encoding="utf-8")
    return path


@pytest.fixture
def lab(visitor, file):
    """The file, opened from the disk; no script may fail, and nothing may be asked of any network."""
    page = opened(visitor(width=1280, height=720), file)
    yield page
    assert page.complaints == []


def opened(context, file):
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("console", lambda said: said.type == "error" and page.complaints.append(said.text))
    page.on("request", lambda request: note_request(page, request.url))
    page.goto(file.as_uri())
    with_maps(page)
    return page


def note_request(page, url):
    if not url.startswith(("file:", "blob:", "data:")):
        page.complaints.append(url)


def gauge(page, name, side="A"):
    return page.locator(f".panels.{side} .gauge.{name} b")


def with_maps(page, side="A"):
    expect(gauge(page, "jacobian", side)).to_have_text(re.compile(r"\d"))


def draw(page, points, up=True):
    box = page.locator("#canvas").bounding_box()
    scale = box["width"] / 280
    for index, (x, y) in enumerate(points):
        page.mouse.move(box["x"] + scale * x, box["y"] + scale * y, steps=5 if index else 1)
        if index == 0:
            page.mouse.down()
    if up:
        page.mouse.up()


def at_rest(page):
    """Wait until no picture changes any more; returns them."""
    before = None
    while before != (before := page.evaluate(PICTURES)):
        page.wait_for_timeout(250)
    return before


def seen(page):
    """What the models see, in grey levels."""
    page.evaluate("() => new Promise(requestAnimationFrame)")
    return np.array(page.evaluate(SEEN))


def painted(page, name):
    """What is painted on a panel of A: uint8 RGBA, shape (rows, columns, 4)."""
    height, width, values = page.locator(f".panels.A .panel-{name} canvas").evaluate(RGB)
    return np.array(values).reshape(height, width, 4)


def on_canvas(page):
    """What is drawn, in grey levels: shape (280, 280)."""
    return np.frombuffer(base64.b64decode(page.evaluate(ON_CANVAS)), np.uint8).reshape(280, 280)


def halved(path):
    """A shipped model with its weights rounded to float16."""
    model = load_checkpoint(path).model
    model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return model


def some_pictures():
    """A test digit, and another one under noise."""
    x = to_float(load_mnist("test").images[[0, 30]])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    return [x[:1], (x + 0.3 * noise).clamp(0, 1)[1:]]


def test_the_numbers_of_all_models_are_those_of_the_core(lab):
    assert lab.evaluate("lab.models") == [path.stem for path in RUNGS]
    for path in RUNGS:
        checkpoint = load_checkpoint(path)
        statistics = CodeStatistics.from_metrics(checkpoint.metrics)
        for x in some_pictures():
            found = lab.evaluate(INSPECT, [path.stem, x.flatten().tolist()])
            exact = inspect(halved(path), x, statistics)
            assert found["code"] == pytest.approx(exact.code, abs=1e-4)
            assert found["reconstruction"] == pytest.approx(exact.reconstruction.ravel(), abs=1e-4)
            largest = float(exact.sensitivity_map.max())
            assert found["sensitivity"] == pytest.approx(exact.sensitivity_map.ravel(), abs=1e-4 * largest)
            assert found["jacobianSqNorm"] == pytest.approx(exact.jacobian_sq_norm, rel=1e-4)
            assert found["active"] == exact.active_count
            assert found["hoyer"] == pytest.approx(exact.hoyer, abs=1e-5)
            # And those of the weights in float32. Single pixels of a sparse model's differ by up to 0.02, and
            # one of its 64 units that rounding puts onto the other side of a ReLU's kink changes ||J||^2.
            full = inspect(checkpoint.model, x, statistics)
            assert found["code"] == pytest.approx(full.code, abs=1e-3)
            assert np.abs(found["reconstruction"] - full.reconstruction.ravel()).mean() < 1e-3
            near = 0.01 if path.stem.startswith("contractive") else 0.05
            assert found["jacobianSqNorm"] == pytest.approx(full.jacobian_sq_norm, rel=near)


OTHER_ACTIVATIONS = [
    ("contractive", "sigmoid", "sigmoid"),
    ("contractive", "linear", "linear"),
    ("sparse", "sigmoid", "linear"),
]


def test_other_activations_give_the_core_s_numbers_too(visitor, models, tmp_path):
    made = {}
    for kind, code, output in OTHER_ACTIVATIONS:
        network = seeded_autoencoder(ModelConfig(kind, code, output), seed=3, gain=2.0).eval()
        network.load_state_dict({name: value.half().float() for name, value in network.state_dict().items()})
        known = next(model for model in models if model.kind == kind).checkpoint
        checkpoint = replace(known, model=network, model_config=network.config)
        made[f"{kind}-{code}"] = PocketModel(f"{kind}-{code}", checkpoint, None)
    path = tmp_path / "others.html"
    path.write_text(to_page(list(made.values())), encoding="utf-8")
    page = opened(visitor(), path)
    expect(page.locator("#said .A b")).to_have_text("no reader")
    x = some_pictures()[1]
    for name, model in made.items():
        found = page.evaluate(INSPECT, [name, x.flatten().tolist()])
        expected = inspect(model.checkpoint.model, x, CodeStatistics.from_metrics(model.checkpoint.metrics))
        assert found["code"] == pytest.approx(expected.code, abs=1e-4)
        assert found["reconstruction"] == pytest.approx(expected.reconstruction.ravel(), abs=1e-4)
        largest = float(expected.sensitivity_map.max())
        assert found["sensitivity"] == pytest.approx(expected.sensitivity_map.ravel(), abs=1e-4 * largest)
        assert found["active"] == expected.active_count
        assert found["hoyer"] == pytest.approx(expected.hoyer, abs=1e-5)
    assert page.complaints == []


def test_a_model_or_picture_that_is_none_is_a_sentence(lab):
    for name, pixels, sentence in (
        ("absent", [0.0] * 784, "no model called absent"),
        (START, [0.0] * 783, "784 values"),
        (START, ["none", *[0.0] * 783], "a finite number"),
    ):
        with pytest.raises(Error, match=sentence):
            lab.evaluate(INSPECT, [name, pixels])


def inks():
    """Drawings of many sizes and places, white on black or half transparent: uint8 RGBA."""
    for width, height, pen, points in (
        (280, 280, 22, THREE),
        (280, 280, 1, SEVEN),
        (280, 280, 40, DASH),
        (280, 280, 3, ((275, 4), (279, 279))),
        (280, 280, 22, ((140, 10), (140, 270))),
        (90, 333, 9, ((8, 20), (81, 300), (12, 310))),
        (28, 28, 2, ((9, 5), (18, 5), (12, 24))),
        (12, 7, 1, ((3, 2), (7, 5))),
    ):
        picture = Image.new("RGBA", (width, height), "black")
        ImageDraw.Draw(picture).line(points, (255, 255, 255, 255), pen, joint="curve")
        yield np.asarray(picture)
    yield np.asarray(Image.new("RGBA", (280, 280), "black"))
    speck = np.zeros((280, 280, 4), np.uint8)
    speck[40, 270] = (255, 255, 255, 9)
    yield speck
    yield np.random.default_rng(0).integers(0, 256, (31, 45, 4), dtype=np.uint8)


def test_the_models_see_what_the_core_makes_of_a_drawing(lab):
    for ink in inks():
        height, width = ink.shape[:2]
        found, expected = (
            lab.evaluate(TO_MNIST, [width, height, base64.b64encode(ink.tobytes()).decode()]),
            to_mnist(ink),
        )
        if expected is None:
            assert found is None
        else:
            assert found == pytest.approx(expected.flatten().tolist(), abs=1 / 255)


def test_values_are_written_as_the_core_writes_them(lab):
    (source,) = (path.read_text() for path in SCRIPTS if path.stem == "values")
    edges = [0, 1, 10, 100, 9999, 9999.4, 9999.6, 0.001, 0.0009996, 0.00099949, 99.95, 0.5, 64, 1234567]
    some = 10 ** np.random.default_rng(0).uniform(-12, 9, 300)
    numbers = [*edges, *some.tolist()]
    found = lab.evaluate(
        f"numbers => {{ {source.replace('export ', '')}; return numbers.map(valueText); }}", numbers
    )
    assert found == [value_text(number) for number in numbers]


def test_every_stroke_that_is_drawn_is_seen_as_the_core_sees_it(lab):
    for stroke in (THREE, DASH, ((20, 20),), SEVEN):
        draw(lab, stroke)
        ink = on_canvas(lab)
        assert ink.any()
        assert np.abs(seen(lab) - 255 * to_mnist(ink).flatten().numpy()).max() <= 1


def test_the_first_look_is_alive_and_its_values_are_those_of_the_core(lab):
    images, labels = load_mnist("test")
    x = to_float(images[labels == 3][2:3])
    assert (seen(lab) == images[labels == 3][2].flatten().numpy()).all()
    for kind, name in (("Contractive", START), ("Sparse", "sparse-0.005")):
        lab.get_by_text(kind, exact=True).click()
        with_maps(lab)
        at_rest(lab)
        path = next(path for path in RUNGS if path.stem == name)
        checkpoint = load_checkpoint(path)
        found = inspect(halved(path), x, CodeStatistics.from_metrics(checkpoint.metrics))
        expect(gauge(lab, "mse")).to_have_text(value_text(found.mse))
        expect(gauge(lab, "jacobian")).to_have_text(value_text(found.jacobian_sq_norm))
        expect(gauge(lab, "active")).to_have_text(f"{found.active_count} of {len(found.code)}")
        shares = load_probe(probe_path(path), checkpoint.model).reader.probabilities(
            torch.from_numpy(found.code)[None]
        )
        expect(lab.locator("#said .A b")).to_have_text(f"3 ({shares[0, 3]:.0%})")
        assert lab.locator("#strip .cell").count() == sum(
            rung.stem.startswith(kind.lower()) for rung in RUNGS
        )
        # Each map and picture differs from an empty one: all panels are filled.
        assert len(set(lab.evaluate(PICTURES))) > 8
        assert lab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert lab.locator("#strip").bounding_box()["y"] < 600, "in sight without scrolling"


def test_the_maps_have_the_colours_and_scales_of_the_page(lab):
    images, labels = load_mnist("test")
    x = to_float(images[labels == 3][2:3])
    for kind, name in (("contractive", START), ("sparse", "sparse-0.005")):
        lab.get_by_text(kind.capitalize(), exact=True).click()
        with_maps(lab)
        at_rest(lab)
        path = next(path for path in RUNGS if path.stem == name)
        metrics = load_checkpoint(path).metrics
        found = inspect(halved(path), x, CodeStatistics.from_metrics(metrics))
        axes = LadderRange.of([load_checkpoint(rung).metrics for rung in ladder_paths(kind).values()])

        def colours(values, share):
            return maps.colours_end(values, maps.strength_of(share))

        expected = {
            "error": maps.heat_map(found.error, colours(found.error, axes.mse.share(found.mse)), 28),
            "sensitivity": maps.heat_map(
                found.sensitivity_map,
                colours(found.sensitivity_map, axes.jacobian_sq_norm.share(found.jacobian_sq_norm)),
                28,
            ),
        }
        end = colours(found.code, axes.code_sq_norm.share(found.code_sq_norm))
        mean = np.array(metrics.mean_activation, np.float32)
        if kind == "contractive":
            order = np.argsort(-np.abs(mean).reshape(found.code_shape).mean((1, 2)), kind="stable")
            expected["code"] = maps.code_map(found.code_magnitudes, end, 1, order)
        else:
            expected["code"] = unit_pictures.bars(found.code, found.active, mean, 0.01, end)
        for panel, picture in expected.items():
            shown = painted(lab, panel)[..., : picture.shape[-1]]
            # Half a step of the colours may be rounded the other way, an edge of a bar by a row.
            assert (np.abs(shown - picture).max(-1) <= 3).mean() > 0.99, (kind, panel)


def test_panels_follow_the_pen_and_the_newest_drawing_wins(lab):
    before = at_rest(lab)
    draw(lab, THREE, up=False)
    with_maps(lab)
    during = at_rest(lab)
    assert all(now != then for now, then in zip(during, before, strict=True)), (
        "the strip, too, while it rests"
    )
    lab.mouse.up()
    x = to_mnist(on_canvas(lab)).flatten().tolist()
    found = lab.evaluate(INSPECT, [START, x])
    expect(gauge(lab, "jacobian")).to_have_text(value_text(found["jacobianSqNorm"]))


def test_keys_and_buttons_place_clear_and_take_back(lab):
    start = seen(lab)
    images, labels = load_mnist("test")
    lab.keyboard.press("7")
    assert (seen(lab) == images[labels == 7][0].flatten().numpy()).all()
    lab.locator("#digits").get_by_role("button", name="7", exact=True).click()
    assert (seen(lab) == images[labels == 7][1].flatten().numpy()).all()
    digit = seen(lab)
    draw(lab, DASH)
    assert (seen(lab) != digit).any(), "the pen goes on where the digit is"
    lab.keyboard.press("Control+z")
    assert (seen(lab) == digit).all()
    lab.keyboard.press("Delete")
    expect(lab.locator(".panels.A .panel-code .empty")).to_be_visible()
    expect(lab.locator("#clear")).to_be_disabled()
    assert not seen(lab).any()
    lab.locator("#undo").click()
    assert (seen(lab) == digit).all()
    for _ in range(2):
        lab.locator("#undo").click()
    assert (seen(lab) == start).all()
    draw(lab, DASH)
    assert not on_canvas(lab)[200:].any(), "the first stroke replaces the digit of the start"
    lab.locator("#digits").get_by_role("button", name=":)").click()
    assert (seen(lab) > 0).sum() > 100


def test_sliders_strip_noise_and_scales(lab):
    first = at_rest(lab)
    lab.locator("#slider-A").press("ArrowLeft")
    expect(lab.locator(".panels.A .panel-values h3")).to_have_text("A: λ = 10⁻⁵")
    with_maps(lab)
    assert at_rest(lab)[1:6] != first[1:6]
    lab.locator("#strip").get_by_role("button", name="Show λ = 10⁻¹ as B").click()
    with_maps(lab, "B")
    expect(lab.locator(".panels.B .panel-values h3")).to_have_text("B: λ = 10⁻¹")
    lab.locator("#strip").get_by_role("button", name="Show λ = 0 as A").click()
    expect(lab.locator("#slider-A")).to_have_attribute("aria-valuetext", "λ = 0")
    expect(lab.get_by_text("to the clean drawing").first).to_be_hidden()
    with_maps(lab)
    clean = seen(lab)
    lab.get_by_role("button", name="Shake").click()
    expect(lab.locator("#noise-value")).to_have_text("0.25")
    expect(lab.get_by_text("to the clean drawing").first).to_be_visible()
    lab.wait_for_timeout(600)
    lab.get_by_role("button", name="Shake").click()
    at_rest(lab)
    noisy = seen(lab) / 255
    assert 0.1 < (noisy - clean / 255).std() < 0.3
    assert (seen(lab) == 255 * noisy).all(), "still, once it is not shaken any more"
    plain, contractive = (float(gauge(lab, "mse", side).inner_text()) for side in ("A", "B"))
    assert contractive < plain / 2, "the point of the penalty"
    expect(lab.locator("#strip")).not_to_have_class("stale")
    painted = "canvas => canvas.toDataURL()"
    for side, cell in (("A", "0"), ("B", "10⁻¹")):
        there = lab.get_by_role("img", name=f"Reconstruction under λ = {cell}.").evaluate(painted)
        assert lab.locator(f".panels.{side} .panel-reconstruction canvas").evaluate(painted) == there
    ends = lab.locator(".panels.A .panel-sensitivity .scale i i")
    width = ends.evaluate("bar => bar.style.width")
    lab.get_by_label("Own scales").check()
    expect(ends).to_have_attribute("style", re.compile("width: 100%"))
    assert width != "100%"


def test_it_works_in_a_sandboxed_frame_and_without_a_worker(visitor, file, tmp_path):
    outer = tmp_path / "outer.html"
    outer.write_text(f'<iframe sandbox="allow-scripts" width="1200" height="700" src="{file.as_uri()}">')
    context = visitor(width=1280, height=720)
    page = context.new_page()
    page.goto(outer.as_uri())
    with_maps(page.frame_locator("iframe"))
    context.add_init_script("delete window.Worker")
    with_maps(opened(context, file))


def test_a_browser_that_runs_no_script_or_another_one_says_so(visitor, file, tmp_path):
    page = visitor(java_script_enabled=False).new_page()
    page.goto(file.as_uri())
    expect(page.get_by_text("runs no scripts here or is too old")).to_be_visible()
    changed = tmp_path / "changed.html"
    changed.write_text(
        file.read_text(encoding="utf-8").replace("const CENTRE = 14;", "const CENTRE = 15;"), encoding="utf-8"
    )
    page = visitor().new_page()
    page.goto(changed.as_uri())
    expect(page.get_by_text("runs no scripts here or is too old")).to_be_visible()
    assert page.evaluate("window.lab === undefined"), "the policy knows the scripts by their digests"


def test_a_name_from_a_file_stays_text(visitor, models, tmp_path):
    name = "<img src=x onerror=document.title='run'>'\"&lt;"
    path = tmp_path / "named.html"
    path.write_text(to_page([replace(models[-1], name=name)]), encoding="utf-8")
    page = opened(visitor(), path)
    assert page.evaluate("lab.models") == [name]
    expect(page.locator(".panels.A .panel-values h3")).to_have_text(f"A: {name}")
    at_rest(page)
    assert page.locator("img").count() == 0
    assert "run" not in page.title()
    assert page.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(visitor, file, scheme):
    page = opened(visitor(width=1280, height=720, color_scheme=scheme, bypass_csp=True), file)
    page.get_by_text("Sparse", exact=True).click()
    page.locator("#compare").click()
    with_maps(page, "B")
    found = Axe().run(page).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def test_it_prints_to_one_page_with_the_drawing_on_it(lab):
    lab.locator("#compare").click()
    with_maps(lab, "B")
    at_rest(lab)
    pages = re.findall(rb"/Type\s*/Page\b", lab.pdf(prefer_css_page_size=True))
    assert len(pages) == 1
    lab.emulate_media(media="print")
    for part in ("#canvas", ".panels.B .panel-sensitivity canvas", "#strip .cell:last-child canvas"):
        expect(lab.locator(part)).to_be_visible()
    expect(lab.locator("#undo")).to_be_hidden()


def test_on_a_phone_canvas_result_and_slider_stay_in_sight(visitor, file):
    page = opened(visitor(width=390, height=844, has_touch=True, is_mobile=True), file)
    parts = ("#canvas", ".result canvas", "#slider-A")
    for scrolled in (0, 500):
        page.evaluate("by => scrollTo(0, by)", scrolled)
        page.wait_for_timeout(100)
        for part in parts:
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0, part
            assert box["y"] + box["height"] <= 480, part
            assert box["x"] + box["width"] <= 390, part
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    before = at_rest(page)
    box = page.locator("#canvas").bounding_box()
    page.touchscreen.tap(box["x"] + 60, box["y"] + 60)
    assert at_rest(page)[0] != before[0], "a finger draws"
