"""What the views show, held against independent computations. Needs the shipped checkpoints."""

import io
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core import checkpoints
from ae_core.analysis.corruption import CORRUPTIONS
from ae_core.analysis.experiments import EXPERIMENTS
from ae_core.analysis.inspection import inspect
from ae_core.analysis.metrics import JacobianMetrics
from ae_core.analysis.mistakes import contraction_mistakes, kl_mistakes
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.data import load_mnist, to_float
from ae_core.ui.views import VIEWS
from ae_core.ui.views.learn import _subject
from tests.app.conftest import APP, choose_kind, decoded, enlarged_digit, figures_on, put_on_canvas, texts
from tests.app.opened_views import DIGIT, X, chart_of, column_texts, models, opened


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_view_says_what_to_do_without_a_drawing_and_fills_with_one(page, kind, view):
    page = opened(page, kind, view, drawn=False)
    needs_none = view == "Learn" or (view == "Wrong and right" and kind == "sparse")
    asks = any("Draw a digit, or place one" in text for text in texts(page.main.markdown))
    assert asks != needs_none
    page = opened(page, kind, view)
    assert not any("Draw a digit" in text for text in texts(page.main.markdown))
    assert "nan" not in " ".join(texts(page.main.markdown) + texts(page.main.caption)).lower().split()


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_switched_off_changes_the_reconstruction_and_reset_gives_it_back(page, kind):
    page = opened(page, kind, "Sparsity")
    model = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_{kind}"]]).model
    with torch.inference_mode():
        code = model.encode(X)[0]
        strongest = int(code.argmax())
        silenced = code.clone()
        silenced[strongest] = 0
        whole, without = model.decode(torch.stack([code, silenced])).clamp(0, 1)
    before = figures_on(page)
    assert before["Mean squared change of the picture"] == "0.00000"
    page.button(key=f"unit_{strongest}").click()
    page = page.run()
    after = figures_on(page)
    assert after["Units switched off"] == str(strongest)
    assert after["Mean squared change of the picture"] == f"{(whole - without).square().mean().item():.5f}"
    assert after["MSE without them"] == f"{(without - X).square().mean().item():.5f}"
    assert float(after["Mean squared change of the picture"]) > 0
    # A unit that is off stays in sight with another drawing, in which it may be weak.
    page = put_on_canvas(page, enlarged_digit(0))
    assert page.button(key=f"unit_{strongest}").label == f"{strongest} off"
    page.button(key="units_reset").click()
    page = page.run()
    assert figures_on(page)["Units switched off"] == "none"
    assert figures_on(page)["Mean squared change of the picture"] == "0.00000"


@pytest.mark.parametrize("kind", KINDS)
def test_sparsity_s_charts_are_the_test_set_s_means_and_densities(page, kind):
    page = opened(page, kind, "Sparsity", drawn=False)
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_{kind}"]])
    with torch.inference_mode():
        codes = checkpoint.model.encode(to_float(load_mnist("test").images))
    means = decoded(chart_of(page, "unit_means")["data"][0]["y"])
    np.testing.assert_allclose(means, np.sort(codes.mean(0).numpy())[::-1], rtol=1e-3, atol=1e-6)
    density = (codes > 0.1 * codes.amax(0)).float().mean(0).numpy()
    active, never = (decoded(bars["y"]) for bars in chart_of(page, "density_histogram")["data"])
    assert never.tolist() == [(density == 0).sum()]
    assert active.sum() == (density > 0).sum()
    shown = figures_on(page)
    assert shown["Active units per image"] == f"{density.sum():.1f} of {codes.shape[1]}"
    l0 = (codes != 0).float().sum(1).mean().item()
    assert shown["Units that are not zero, per image (l0)"] == f"{l0:.1f} of {codes.shape[1]}"
    ranges = codes.amax(0) - codes.amin(0)
    assert shown["Dead units"] == str(int((ranges < 1e-3 * ranges.max()).sum()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_spectra_are_numpys_plain_and_divided(page, kind):
    page = opened(page, kind, "Jacobian")
    expected = []
    for model in models(kind):
        jacobian = torch.func.jacrev(lambda x, model=model: model.encode(x[None])[0], chunk_size=128)(X[0])
        expected.append(np.linalg.svd(jacobian.detach().flatten(1).numpy(), compute_uv=False))
    for relative in (False, True):
        page.toggle(key="relative_spectrum").set_value(relative)
        page = page.run()
        curves = chart_of(page, "spectra")["data"]
        assert [curve["name"] for curve in curves] == [f"{weight:g}" for weight in LADDERS[kind]]
        for curve, values in zip(curves, expected, strict=True):
            shown = decoded(curve["y"])
            leading = slice(0, 30)
            scale = values[0] if relative else 1.0
            np.testing.assert_allclose(shown[leading], values[leading] / scale, rtol=2e-3)


def test_the_norm_s_estimates_come_with_their_exact_standard_errors(page):
    page = opened(page, "contractive", "Jacobian")
    model = models("contractive")[3]
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(X[0])
    jacobian = jacobian.detach().flatten(1).double().numpy()
    gram = jacobian.T @ jacobian
    variance = 2 * ((gram**2).sum() - (np.diag(gram) ** 2).sum())
    (points,) = chart_of(page, "norm_estimates")["data"]
    assert points["x"] == ["1", "4", "16", "64"]
    bars = decoded(points["error_y"]["array"])
    np.testing.assert_allclose(bars, np.sqrt(variance / np.array([1, 4, 16, 64])), rtol=1e-3)
    exact = (jacobian**2).sum()
    assert float(figures_on(page)["exact"]) == pytest.approx(exact, rel=1e-3)
    assert (np.abs(decoded(points["y"]) - exact) < 4 * bars).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_walk_starts_nowhere_and_follows_the_singular_value_only_near_the_drawing(page, kind):
    page = opened(page, kind, "Jacobian")
    weight = page.session_state[f"weight_{kind}"]
    model = load_checkpoint(checkpoints.ladder_paths(kind)[weight]).model.double()
    x = X.double()
    page.select_slider(key="distance").set_value(0.0)
    page = page.run()
    assert float(figures_on(page)["Code moves, along tangent 1"]) == 0
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(x[0]).detach()
    _, values, right = torch.linalg.svd(jacobian.flatten(1), full_matrices=False)
    tangent = right[1] * (right[1] * right[1].abs()).sum().sign()
    page.select_slider(key="tangent").set_value(2)
    for distance in (0.001, 4.0, -4.0):
        page.select_slider(key="distance").set_value(distance)
        page = page.run()
        assert not page.exception
        with torch.no_grad():
            move = (model.encode(x + distance * tangent.view(1, 1, 28, 28)) - model.encode(x)).norm().item()
        moved = float(figures_on(page)["Code moves, along tangent 2"])
        assert moved == pytest.approx(move, rel=0.01)
        ratio = moved / float(figures_on(page)["in 64 random directions (root mean square)"].split(" ±")[0])
        assert float(figures_on(page)["tangent over random"]) == pytest.approx(ratio, rel=0.01)
    near, far = decoded(chart_of(page, "walk")["data"][0]["y"])[[0, -1]]
    assert near == pytest.approx(0.001 * values[1].item(), rel=0.2)
    assert far == pytest.approx(move, rel=0.01)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_strength_of_zero_moves_nothing_and_more_moves_every_model(page, name):
    page = opened(page, "contractive", "Robustness")
    page.button_group(key="change").set_value(name)
    page = page.run()
    slider = f"strength_{name.lower()}"
    page.slider(key=slider).set_value(0.0)
    page = page.run()
    for row in ("code moved, in spreads of the code", "reconstruction moved (RMS of the pixels)"):
        assert column_texts(page, row) == ["0"] * 7
    assert figures_on(page)["Distance of the two"] == "0"
    page.slider(key=slider).set_value(CORRUPTIONS[name].largest)
    page = page.run()
    assert all(float(moved) > 0 for moved in column_texts(page, "code moved, in spreads of the code"))
    for curve in chart_of(page, "moved")["data"]:
        assert decoded(curve["y"])[0] == 0


def test_the_contraction_curve_starts_at_the_jacobian_s_norm(page):
    page = opened(page, "contractive", "Robustness")
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[1e-3])
    norm = inspect(checkpoint.model, X).jacobian_sq_norm
    expected = (norm / 784 / checkpoint.metrics.code_variance) ** 0.5
    (curve,) = (one for one in chart_of(page, "contraction_0")["data"] if one["name"] == "0.001")
    # Over 16 random directions.
    assert decoded(curve["y"])[0] == pytest.approx(expected, rel=0.2)
    assert len(chart_of(page, "contraction_1")["data"]) == 7
    (said,) = (text for text in texts(page.main.caption) if text.startswith("At this drawing the curve"))
    assert "under 0.001" in said


def test_a_radius_too_large_for_the_limit_is_said_to_be_so(page):
    """At β = 0 the sparse code bends below any radius shown: nothing may be claimed of its limit."""
    page = opened(page, "sparse", "Robustness")
    (said,) = (text for text in texts(page.main.caption) if "None of the radii is that near" in text)
    near, far = said.split("None of the radii is that near under")
    assert re.search(r"\b0\b", far)
    assert "under 0.02" in near


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_and_right_has_the_measured_figures(page, kind):
    page = opened(page, kind, "Wrong and right")
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_{kind}"]])
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
    assert page.button(key=f"set_up_{number}").disabled
    page.radio(key=f"prediction_{number}").set_value(experiment.predictions[0])
    page = page.run()
    page.button(key=f"set_up_{number}").click()
    page = page.run()
    assert not page.exception
    assert page.session_state["kind"] == experiment.kind
    assert page.session_state[f"weight_{experiment.kind}"] == experiment.weight
    assert page.session_state["view"] == experiment.view
    for key, value in experiment.settings.items():
        assert page.session_state[key] == value
    labels = load_mnist("test").labels
    placed = to_float(load_mnist("test").images[labels == experiment.digit][:1])
    torch.testing.assert_close(page.session_state["lab"].picture, placed, rtol=0, atol=1e-6)

    page.session_state["answer"] = True
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
    assert experiment.question not in " ".join(texts(page.main.markdown))


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


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_code_that_never_changes_is_said_to_be_constant(page, few_measured, constant_model, kind, view):
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        page = choose_kind(page, kind)
        page.button_group(key="source").set_value("File")
        page = page.run()
        page.file_uploader(key="upload").upload(constant_model[kind].name, constant_model[kind].read_bytes())
        page = page.run()
        page = opened(page, kind, view)
    bodies = " ".join(element.proto.body for element in page.main.get("html"))
    words = set(
        re.findall(r"[A-Za-z]+", " ".join(texts(page.main.markdown)) + re.sub("<[^>]*>", " ", bodies))
    )
    assert not words & {"nan", "NaN", "inf"}
    expected = {
        "Compare": "the code is constant",
        "Sparsity": "its code is 0",
        "Jacobian": "does not change at all around this drawing",
        "Robustness": "constant",
    }.get(view, "")
    assert expected in bodies + " ".join(texts(page.main.markdown))


@pytest.mark.parametrize("scale", [1e5, 1e12, 1e19])
def test_a_model_that_blew_up_is_refused_with_a_sentence(page, few_measured, tmp_path, scale):
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[0.0])
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            parameter.mul_(scale)
    path = tmp_path / "large.safetensors"
    save_checkpoint(checkpoint, path)
    page = opened(page, "contractive", "Learn")
    before = figures_on(page)
    page.button_group(key="source").set_value("File")
    page = page.run()
    page.file_uploader(key="upload").upload(path.name, path.read_bytes())
    page = page.run()
    assert not page.exception
    assert "blew up" in page.error[0].value
    assert figures_on(page) == before


def test_a_missing_rung_is_a_sentence_in_the_views_that_need_it(page, monkeypatch, tmp_path):
    page = opened(page, "contractive", "Jacobian")
    paths = checkpoints.ladder_paths("contractive")
    missing = {**paths, 1e-2: tmp_path / "contractive-0.01.safetensors"}
    monkeypatch.setattr("ae_core.ui.library.ladder_paths", lambda kind: missing)
    page = page.run()
    assert not page.exception
    assert any("contractive-0.01.safetensors" in error for error in texts(page.error))
    assert "MSE of this digit" in figures_on(page), "the live panels go on"


def test_links_restore_the_page_and_junk_falls_back():
    linked = AppTest.from_file(str(APP), default_timeout=60)
    for name, value in {
        "kind": "Sparse",
        "weight_sparse": "0.02",
        "view": "Robustness",
        "change": "Rotation",
        "sample": "8.1",
    }.items():
        linked.query_params[name] = value
    linked = linked.run()
    assert not linked.exception
    assert linked.session_state["kind"] == "sparse"
    assert linked.session_state["weight_sparse"] == 0.02
    assert linked.session_state["view"] == "Robustness"
    assert linked.session_state["change"] == "Rotation"
    eights = load_mnist("test").images[load_mnist("test").labels == 8]
    torch.testing.assert_close(linked.session_state["lab"].picture, to_float(eights[1:2]), rtol=0, atol=1e-6)

    junk = AppTest.from_file(str(APP), default_timeout=60)
    for name in ("kind", "weight_contractive", "view", "sample", "change", "own_scales"):
        junk.query_params[name] = "../../etc/passwd"
    junk = junk.run()
    assert not junk.exception
    assert junk.session_state["kind"] == "contractive"
    assert junk.session_state["weight_contractive"] == 1e-4
    assert junk.session_state["view"] == "Compare"
    assert junk.session_state["lab"].picture is None


def test_a_photo_is_placed_and_a_bad_upload_leaves_the_drawing(page):
    page = opened(page, "contractive", "Learn")
    before = page.session_state["lab"].picture
    page.file_uploader(key="photo").upload("bomb.png", b"no picture", "image/png")
    page = page.run()
    assert not page.exception
    assert "cannot be read as a PNG or JPEG" in page.error[0].value
    assert torch.equal(page.session_state["lab"].picture, before)
    buffer = io.BytesIO()
    Image.fromarray(255 - enlarged_digit(1)).save(buffer, format="PNG")
    page.file_uploader(key="photo").upload("two.png", buffer.getvalue(), "image/png")
    page = page.run()
    assert not page.error
    seen = page.session_state["lab"].picture.flatten().numpy()
    assert np.corrcoef(seen, load_mnist("test").images[1].flatten().numpy())[0, 1] > 0.95


def test_a_photo_that_may_be_none_of_a_digit_is_placed_with_a_warning_until_a_better_one_comes(page):
    page = opened(page, "contractive", "Learn")
    assert ".jfif" in page.file_uploader(key="photo").allowed_type
    digit = 255 - enlarged_digit(1)
    rimmed = digit.copy()
    rimmed[:, :15] = 0
    for name, picture, warned in (("rim.jfif", rimmed, True), ("none.jfif", digit, False)):
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, format="JPEG", quality=95)
        page.file_uploader(key="photo").upload(name, buffer.getvalue(), "image/jpeg")
        page = page.run()
        assert not page.error
        assert page.session_state["lab"].picture is not None
        assert any("crop the picture" in one.value for one in page.warning) == warned


def test_the_downloads_wait_for_a_drawing(page):
    names = [button.proto.label for button in page.get("download_button")]
    assert names == ["Maps (PNG)", "Numbers (CSV)", "Report (HTML)", "Model"]
    assert [button.proto.disabled for button in page.get("download_button")] == [True, True, True, False]
    page = put_on_canvas(page, enlarged_digit(DIGIT))
    assert not any(button.proto.disabled for button in page.get("download_button"))
