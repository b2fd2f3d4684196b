"""What every view says without a drawing, and of odd or missing models. Needs the shipped checkpoints."""

import re
import warnings
from dataclasses import replace

import pytest
import torch

from ae_core import checkpoints
from ae_core.analysis.metrics import JacobianMetrics
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.ui.views import VIEWS
from tests.app.conftest import bodies, choose_kind, show_view, texts, upload, values_on
from tests.app.opened_views import opened


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_says_what_to_do_without_a_drawing_and_fills_with_one(page, kind):
    page = opened(page, kind, "Play", drawn=False)
    for view in VIEWS:
        page = show_view(page, view)
        needs_none = view in ("Play", "Train", "Learn") or (view == "Mistakes" and kind == "sparse")
        asks = any("Draw a digit, or place one" in text for text in texts(page.main.markdown))
        assert asks != needs_none, view
        empty = " ".join(bodies(page)).count("Draw a digit.")
        assert empty == 4 + (view == "Play"), f"the panels, and the strip, of {view}"
    page = opened(page, kind, "Play")
    for view in VIEWS:
        page = show_view(page, view)
        assert not page.exception, view
        assert not page.error, view
        assert not any("Draw a digit" in text for text in texts(page.main.markdown) + bodies(page)), view
        said = " ".join(texts(page.main.markdown) + texts(page.main.caption)).lower().split()
        assert "nan" not in said, view


@pytest.fixture
def constant_model(tmp_path, monkeypatch):
    """A checkpoint whose code is 0 for every picture, in the place of a file of the user's."""
    paths = {}
    for kind in KINDS:
        checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[LADDERS[kind][2]])
        with torch.no_grad():
            checkpoint.model.code_layer.weight.zero_()
            checkpoint.model.code_layer.bias.fill_(-1.0)
        zero = (0.0,) * checkpoint.model.code_size
        metrics = replace(
            checkpoint.metrics,
            mean_activation=zero,
            max_activation=zero,
            l0=0.0,
            code_variance=0.0,
            jacobians=JacobianMetrics(0.0, None, 0.0),
        )
        paths[kind] = tmp_path / f"{kind}.safetensors"
        save_checkpoint(replace(checkpoint, metrics=metrics), paths[kind])
    return paths


@pytest.mark.parametrize("kind", KINDS)
def test_a_code_that_never_changes_is_said_to_be_constant(page, few_measured, constant_model, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        page = choose_kind(page, kind)
        page = upload(page, constant_model[kind].name, constant_model[kind].read_bytes())
        page = opened(page, kind, "Play")
        for view in VIEWS:
            page = show_view(page, view)
            assert not page.exception, view
            assert not page.error, view
            said = " ".join(bodies(page)) + " ".join(texts(page.main.markdown))
            words = set(re.findall(r"[A-Za-z]+", re.sub("<[^>]*>", " ", said)))
            assert not words & {"nan", "NaN", "inf"}, view
            assert _CONSTANT.get(view, "") in said, view


_CONSTANT = {
    "Play": "the code is constant",
    "Units": "its code is 0",
    "Jacobian": "does not change at all around this drawing",
    "Robustness": "constant",
}


@pytest.mark.parametrize("scale", [1e5, 1e12, 1e19])
def test_a_model_that_blew_up_is_refused_with_a_sentence(page, few_measured, tmp_path, scale):
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[0.0])
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            parameter.mul_(scale)
    path = tmp_path / "large.safetensors"
    save_checkpoint(checkpoint, path)
    page = opened(page, "contractive", "Learn")
    before = values_on(page)
    page = upload(page, path.name, path.read_bytes())
    assert not page.exception
    assert "blew up" in page.error[0].value
    assert values_on(page) == before


def test_a_missing_rung_is_a_sentence_in_the_views_that_need_it(page, monkeypatch, tmp_path):
    page = opened(page, "contractive", "Jacobian")
    paths = checkpoints.ladder_paths("contractive")
    missing = {**paths, 1e-2: tmp_path / "contractive-0.01.safetensors"}
    monkeypatch.setattr("ae_core.ui.library.ladder_paths", lambda kind: missing)
    page = page.run()
    assert not page.exception
    assert any("contractive-0.01.safetensors" in error for error in texts(page.error))
    assert "MSE" in values_on(page), "the live panels go on"
