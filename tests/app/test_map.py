"""The Map view, in Streamlit's test harness. Needs the shipped checkpoints, their maps, and openTSNE."""

import re

import numpy as np
import pytest
import torch

from ae_core.analysis import atlas as making
from ae_core.analysis.paths import walk_between
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.atlas_file import atlas_path, load_atlas
from ae_core.checkpoints.library import ladder_paths
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.render.atlas_picture import share_of
from ae_core.ui import atlases, digit_codes, library, unusual
from ae_core.ui.atlas_ways import STEPS
from tests.app.conftest import after_slow_work, bodies, choose_kind, show_view, texts, train_on
from tests.app.opened_views import X, opened

STARTS = {"contractive": 1e-4, "sparse": 5e-3}


def on_the_map(page, kind):
    """The view with the test digits encoded."""
    page = after_slow_work(opened(page, kind, "Map"))
    assert not page.exception
    return page


def mark(page, name):
    """Where a mark lies, in shares of the picture."""
    (found,) = re.findall(
        rf"<i class='{name}' style='left:([0-9.]+)%;top:([0-9.]+)%'>", " ".join(bodies(page))
    )
    return [float(share) / 100 for share in found]


def neighbours(page):
    """Those by the code, then those by the pixels."""
    picked = re.findall(r"data-pick='test:([0-9]+)'", " ".join(bodies(page)))
    return [int(index) for index in picked[:6]], [int(index) for index in picked[6:12]]


@pytest.fixture
def few_steps(monkeypatch):
    """Maps are made in a tenth of the steps: they need not be good ones."""
    for name in ("_EARLY_STEPS", "_STEPS"):
        monkeypatch.setattr(making, name, 25)


@pytest.mark.parametrize("kind", KINDS)
def test_the_drawing_lies_where_its_neighbours_lie(page, kind):
    page = on_the_map(page, kind)
    path = ladder_paths(kind)[STARTS[kind]]
    model = load_checkpoint(path).model
    atlas = load_atlas(atlas_path(path), model)
    images = to_float(load_mnist("test").images)
    with torch.no_grad():
        codes = torch.cat([model.encode(part) for part in images.split(2000)])
        distances, nearest = torch.cdist(model.encode(X), codes)[0].topk(6, largest=False)
    by_code, by_pixels = neighbours(page)
    assert set(by_code) == set(nearest.tolist())
    own = torch.cdist(X.flatten(1), images.flatten(1))[0].topk(6, largest=False).indices
    assert set(by_pixels) == set(own.tolist())
    weights = np.maximum(distances[:5].numpy(), 1e-9) ** -2.0
    place = (weights[:, None] * atlas.places[nearest[:5]]).sum(0) / weights.sum()
    np.testing.assert_allclose(mark(page, "here"), share_of(place), atol=2e-3)
    assert f"<b>{atlas.trustworthiness:.3f}</b>" in " ".join(bodies(page))


def test_a_placed_test_digit_lands_on_its_own_point(page):
    page = on_the_map(page, "contractive")
    path = ladder_paths("contractive")[1e-4]
    places = load_atlas(atlas_path(path), load_checkpoint(path).model).places
    labels = load_mnist("test").labels
    for digit in (3, 7):
        page.button(key=f"digit_{digit}").click()
        page = page.run()
        number = page.session_state["lab"].strokes[-1].sample.removeprefix(f"{digit}.")
        index = int((labels == digit).nonzero()[int(number)])
        assert neighbours(page)[0][0] == index
        np.testing.assert_allclose(mark(page, "here"), share_of(places[index]), atol=1e-4)


def test_the_way_to_another_digit_goes_through_the_code_and_the_pixels(page):
    page = on_the_map(page, "sparse")
    page.session_state["lab"].map_goal = 17
    page = page.run()
    assert not page.exception
    shown = library.rung("sparse", 5e-3)
    goal = to_float(load_mnist("test").images[17:18])
    known = unusual.familiar_of(shown).codes
    seen = page.session_state["lab"].see(0.0)
    ways = walk_between(shown.checkpoint.model, seen.x, goal, known, STEPS)
    rows = [body for body in bodies(page) if "<div class='row-name'>‖J‖</div>" in body]
    for way, row in zip(ways, rows, strict=True):
        found = [float(text) for text in re.findall(r"<span>([^<]*)</span>", row)]
        np.testing.assert_allclose(found, way.jacobian_norms, rtol=0.01)
    assert len(mark(page, "goal")) == 2


def test_a_model_of_one_s_own_has_its_components_until_its_map_is_made_which_can_be_stopped_and_begun_again(
    page, small_mnist, few_steps, monkeypatch
):
    for steps in ("_EARLY_STEPS", "_STEPS"):
        monkeypatch.setattr(making, steps, 50)
    page = train_on(choose_kind(page, "sparse"), epochs=1)
    lab = page.session_state["lab"]
    page = after_slow_work(show_view(page, "Map"))
    assert not page.exception
    assert any("principal components" in text for text in texts(page.caption))
    before = mark(page, "here")
    (run,) = lab.atlas_runs.values()
    run.stop()
    run.wait(60)
    page = page.run()
    assert not page.exception
    assert (run.result, run.error) == (None, None)
    assert "Two directions of the code are shown" in " ".join(bodies(page))
    page.button(key="make_map").click()
    page = page.run()
    (again,) = lab.atlas_runs.values()
    assert again is not run
    again.wait(120)
    page = page.run()
    assert not page.exception
    assert again.result.places.shape == (len(load_mnist("test").labels), 2)
    assert mark(page, "here") != before
    assert not any("principal components" in text for text in texts(page.caption))
    assert "how far heaps lie apart" in " ".join(bodies(page))


def test_a_damaged_map_is_a_sentence_and_the_components_are_shown(page, monkeypatch, tmp_path):
    damaged = tmp_path / "map.safetensors"
    damaged.write_bytes(b"no map")
    monkeypatch.setattr(atlases, "atlas_path", lambda _: damaged)
    page = after_slow_work(show_view(choose_kind(page, "sparse"), "Map"))
    assert any("map.safetensors is not a readable safetensors file" in text for text in texts(page.error))
    assert len(mark(page, "here")) == 2
    assert not page.session_state["lab"].atlas_runs


def test_a_constant_code_has_no_map_and_says_so(page, monkeypatch, tmp_path):
    monkeypatch.setattr(atlases, "atlas_path", lambda checkpoint: tmp_path / checkpoint.name)
    constant = digit_codes.Vectors(np.ones((50, 64), np.float32))
    for name in ("find_codes", "codes_of"):
        monkeypatch.setattr(digit_codes, name, lambda _: constant)
    atlases.components_of.clear()
    page = opened(page, "sparse", "Play")
    page = show_view(page, "Map")
    assert not page.exception
    assert texts(page.error) == []
    assert any("the same code" in text for text in texts(page.main.markdown))
