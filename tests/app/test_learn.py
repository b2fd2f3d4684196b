"""Mistakes and the scenes of Learn have the values measured. Needs the shipped checkpoints."""

import html
import re

import pytest
import torch
from streamlit.testing.v1 import AppTest

from ae_core.analysis.glossary import SYMBOLS
from ae_core.analysis.mistakes import contraction_mistakes, kl_mistakes
from ae_core.analysis.notation import penalty_symbol, power_notation
from ae_core.analysis.scenes import SCENES
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.samples import SAMPLES
from ae_core.drawing.strokes import ink_of
from ae_core.ui.views.learn import _subject
from tests.app.conftest import APP, bodies, models_in_sight, slide, texts
from tests.app.opened_views import X, opened


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_and_right_has_the_measured_figures(page, kind):
    page = opened(page, kind, "Mistakes")
    checkpoint = load_checkpoint(ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]])
    if kind == "contractive":
        expected = contraction_mistakes(checkpoint.model, X)
    else:
        with torch.inference_mode():
            codes = checkpoint.model.encode(to_float(load_mnist("test").images[:100]))
        expected = kl_mistakes(codes, 0.01)
    bodies = " ".join(element.proto.body for element in page.main.get("html"))
    for mistake in expected:
        assert (
            f"<span>it gives</span><b>{mistake.wrong:.4g}</b><span>right</span><b>{mistake.right:.4g}</b>"
            in (bodies)
        )
        assert mistake.why in texts(page.main.markdown)


@pytest.mark.parametrize("number", range(len(SCENES)))
def test_a_scene_sets_up_its_page_and_answers_with_what_is_measured(page, number):
    scene = SCENES[number]
    page = opened(page, "contractive", "Learn", drawn=False)
    page.button(key=f"set_up_{number}").click()
    page = page.run()
    assert not page.exception
    assert page.session_state["kind"] == scene.kind
    shown = [f"A: {name_of(scene.kind, scene.weight)}"]
    if scene.other is not None:
        shown.append(f"B: {name_of(scene.kind, scene.other)}")
    assert models_in_sight(page) == shown
    assert page.session_state["view"] == scene.view
    for key, value in scene.settings.items():
        assert page.session_state[key] == value
    lab = page.session_state["lab"]
    expected = (
        to_mnist(ink_of(SAMPLES[scene.sample], 280, None))
        if scene.sample in SAMPLES
        else to_float(load_mnist("test").images[load_mnist("test").labels == int(scene.sample)][:1])
    )
    torch.testing.assert_close(lab.picture, expected, rtol=0, atol=1e-6)

    assert page.toggle(key="answer").disabled, "predict first"
    page.radio(key=f"prediction_{number}").set_value(scene.predictions[0])
    page = page.run()
    assert scene.touch in texts(page.caption)
    guide = " ".join(bodies(page))
    for symbol in scene.symbols:
        assert SYMBOLS[symbol][:20] in html.unescape(guide)
    page.toggle(key="answer").set_value(True)
    page = page.run()
    found = scene.answer(lab.see(scene.settings["noise"]), subject, scene.settings)
    said = texts(page.main.markdown)
    (shown,) = (text for text in said if found.sentence in text)
    verdict = (
        "You were right." if found.right == (0,) else "Rather: " if len(found.right) == 1 else "Too close"
    )
    assert shown.startswith(verdict)
    assert re.search(r"\d", shown)
    assert f"**Why?** {found.why}" in said
    assert f"**To discuss.** {scene.discuss}" in said
    page.button(key="guide_back").click()
    page = page.run()
    assert page.session_state["view"] == "Learn"
    assert not [radio for radio in page.radio if scene.question in radio.label]


def subject(kind, weight):
    """What the page asks of a model, its probe read here."""
    path = ladder_paths(kind)[weight]
    reader = load_probe(probe_path(path), load_checkpoint(path).model)
    return _subject(kind, weight)._replace(reading_error=lambda: reader.errors["probe_error_all"])


def name_of(kind, weight):
    return f"{penalty_symbol(kind)} = {power_notation(weight)}"


@pytest.mark.parametrize("number", range(len(SCENES)))
def test_a_link_opens_its_scene(number):
    page = AppTest.from_file(str(APP), default_timeout=60)
    page.query_params["experiment"] = str(number + 1)
    page = page.run()
    assert not page.exception
    assert page.session_state["view"] == SCENES[number].view
    assert page.session_state["noise"] == SCENES[number].settings["noise"]
    assert any(SCENES[number].question in radio.label for radio in page.radio)


def test_the_answer_is_of_the_noise_that_is_on_the_picture_now(page):
    page = opened(page, "contractive", "Learn", drawn=False)
    page.button(key="set_up_1").click()
    page = page.run()
    page = slide(page, "noise", 0.5)
    page.radio(key="prediction_1").set_value(SCENES[1].predictions[0])
    page = page.run()
    page.toggle(key="answer").set_value(True)
    page = page.run()
    assert any("draws of noise 0.5 the error" in text for text in texts(page.main.markdown))
