"""Mistakes and guided experiments have the figures measured. Needs the shipped checkpoints."""

import re

import pytest
import torch

from ae_core import checkpoints
from ae_core.analysis.experiments import EXPERIMENTS
from ae_core.analysis.mistakes import contraction_mistakes, kl_mistakes
from ae_core.checkpoints import load_checkpoint
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from ae_core.ui.views.learn import _subject
from tests.app.conftest import texts
from tests.app.opened_views import X, opened


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_and_right_has_the_measured_figures(page, kind):
    page = opened(page, kind, "Mistakes")
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]])
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


@pytest.mark.parametrize("number", range(len(EXPERIMENTS)))
def test_a_guided_experiment_sets_up_its_page_and_answers_with_figures(page, number):
    experiment = EXPERIMENTS[number]
    page = opened(page, "contractive", "Learn", drawn=False)
    page.button(key=f"set_up_{number}").click()
    page = page.run()
    assert not page.exception
    assert page.session_state["kind"] == experiment.kind
    assert page.session_state[f"weight_A_{experiment.kind}"] == experiment.weight
    assert page.session_state["view"] == experiment.view
    for key, value in experiment.settings.items():
        assert page.session_state[key] == value
    labels = load_mnist("test").labels
    placed = to_float(load_mnist("test").images[labels == experiment.digit][:1])
    torch.testing.assert_close(page.session_state["lab"].picture, placed, rtol=0, atol=1e-6)

    assert page.toggle(key="answer").disabled, "predict first"
    page.radio(key=f"prediction_{number}").set_value(experiment.predictions[0])
    page = page.run()
    page.toggle(key="answer").set_value(True)
    page = page.run()
    found = experiment.answer(placed, _subject, experiment.settings)
    (shown,) = (text for text in texts(page.main.markdown) if found.sentence in text)
    verdict = (
        "You were right." if found.right == (0,) else "Rather: " if len(found.right) == 1 else "Too close"
    )
    assert shown.startswith(verdict)
    assert re.search(r"\d", shown)
    page.button(key="guide_back").click()
    page = page.run()
    assert page.session_state["view"] == "Learn"
    assert not [radio for radio in page.radio if experiment.question in radio.label]


def test_the_answer_is_of_the_noisy_picture_that_the_views_show(page):
    number = next(index for index, one in enumerate(EXPERIMENTS) if one.view == "Mistakes")
    page = opened(page, "contractive", "Learn", drawn=False)
    page.button(key=f"set_up_{number}").click()
    page = page.run()
    page.slider(key="noise").set_value(0.2)
    page.radio(key=f"prediction_{number}").set_value(EXPERIMENTS[number].predictions[0])
    page = page.run()
    page.toggle(key="answer").set_value(True)
    page = page.run()
    noisy = page.session_state["lab"].see(0.2).x
    assert not torch.equal(noisy, page.session_state["lab"].picture)
    found = EXPERIMENTS[number].answer(noisy, _subject, {})
    assert any(found.sentence in text for text in texts(page.main.markdown))
    said = [float(one) for one in re.search(r"gives ([^ ]+) where ‖J‖² is ([^:]+):", found.sentence).groups()]
    cards = " ".join(element.proto.body for element in page.main.get("html"))
    shown = re.findall(r"<span>it gives</span><b>([^<]+)</b><span>right</span><b>([^<]+)</b>", cards)
    assert [float(f"{float(one):.3g}") for one in shown[0]] == said
