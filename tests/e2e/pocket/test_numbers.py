"""The numbers and pictures of the pocket edition against `ae_core`. Needs Chromium."""

import base64
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from playwright.sync_api import Error, expect

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import inspect
from ae_core.analysis.ladder_range import LadderRange
from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.model import seeded_autoencoder
from ae_core.pocket.models import PocketModel
from ae_core.pocket.page import SCRIPTS, to_page
from ae_core.render import maps, unit_pictures
from tests.e2e.acts import DASH, SEVEN, THREE
from tests.e2e.pocket.acts import (
    INSPECT,
    PICTURES,
    RUNGS,
    START,
    at_rest,
    draw,
    gauge,
    halved,
    on_canvas,
    opened,
    painted,
    seen,
    with_maps,
)

TO_MNIST = """([width, height, rgba]) => {
    const data = Uint8ClampedArray.from(atob(rgba), character => character.charCodeAt(0));
    const found = lab.toMnist(new ImageData(data, width, height));
    return found && [...found];
}"""


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
