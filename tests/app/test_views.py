"""What the views show, held against independent computations. Needs the shipped checkpoints."""

import io
import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from streamlit.testing.v1 import AppTest

from ae_core import checkpoints
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.config import KINDS, LADDERS
from ae_core.data import load_mnist, to_float
from ae_core.inspection import inspect
from ae_core.mistakes import contraction_mistakes, sparsity_mistakes
from ae_core.robustness import CORRUPTIONS
from ae_core.ui.views import VIEWS
from ae_core.ui.views.learn import EXPERIMENTS
from tests.app.conftest import (
    APP,
    choose_kind,
    decoded,
    enlarged_digit,
    figures_on,
    put_on_canvas,
    texts,
    train_on,
)

DIGIT = 3
X = to_float(load_mnist("test").images[DIGIT : DIGIT + 1])


def models(kind):
    return [load_checkpoint(checkpoints.ladder_paths(kind)[weight]).model for weight in LADDERS[kind]]


def opened(page, kind, view, drawn=True):
    page = choose_kind(page, kind)
    if drawn:
        page = put_on_canvas(page, enlarged_digit(DIGIT))
    page.session_state["view"] = view
    page = page.run()
    assert not page.exception
    assert not page.error
    return page


def charts_of(page, key):
    """The charts whose key contains a text, as Plotly's JSON; the live panel's bars have their own."""
    return [json.loads(one.proto.spec) for one in page.main.get("plotly_chart") if key in one.proto.id]


def chart_of(page, key):
    (chart,) = charts_of(page, key)
    return chart


def column_texts(page, name):
    """A row of figures over or under a grid of pictures."""
    for element in page.main.get("html"):
        if f"<div class='row-name'>{name}</div>" in element.proto.body:
            return re.findall(r"<(?:b|span)>([^<]*)</(?:b|span)>", element.proto.body)
    raise AssertionError(f"no row is named {name}")


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
def test_compare_has_each_model_s_figures_and_its_place_on_the_trade_off(page, kind):
    page = opened(page, kind, "Compare")
    assert column_texts(page, "penalty weight") == [f"{weight:g}" for weight in LADDERS[kind]]
    seen = [inspect(model, X) for model in models(kind)]
    assert column_texts(page, "MSE of this digit") == [f"{one.mse:.2g}" for one in seen]
    assert column_texts(page, "‖J‖²") == [f"{one.jacobian_sq_norm:.2g}" for one in seen]
    points = chart_of(page, "trade_off")["data"][0]
    metrics = [load_checkpoint(path).metrics for path in checkpoints.ladder_paths(kind).values()]
    cost = "jacobian_sq_norm" if kind == "contractive" else "l0"
    np.testing.assert_allclose(decoded(points["x"]), [one[cost] for one in metrics], rtol=1e-6)
    np.testing.assert_allclose(decoded(points["y"]), [one["test_mse"] for one in metrics], rtol=1e-6)
    sizes = points["marker"]["size"]
    assert sizes.index(max(sizes)) == LADDERS[kind].index(page.session_state[f"weight_{kind}"])


SWEEP = b"""kind,penalty_weight,seed,test_mse,jacobian_sq_norm,l0,problem
sparse,0.001,0,0.002,3.0,30.0,
sparse,0.001,1,0.003,3.0,34.0,
sparse,0.1,0,0.02,3.0,10.0,
contractive,0.1,0,0.004,0.5,900.0,
sparse,0.5,0,,,,"Training diverged"
"""


def test_a_sweep_s_table_is_drawn_as_means_with_bars_over_its_seeds(page):
    page = opened(page, "sparse", "Compare")
    page.file_uploader(key="sweep_upload").upload("any <b>name</b>.csv", SWEEP)
    page = page.run()
    assert not page.exception
    _, drawn = chart_of(page, "trade_off")["data"]
    np.testing.assert_allclose(decoded(drawn["x"]), [32, 10])
    np.testing.assert_allclose(decoded(drawn["y"]), [0.0025, 0.02])
    for axis, over, under in (("error_x", [2, 0], [2, 0]), ("error_y", [0.0005, 0], [0.0005, 0])):
        np.testing.assert_allclose(decoded(drawn[axis]["array"]), over, atol=1e-12)
        np.testing.assert_allclose(decoded(drawn[axis]["arrayminus"]), under, atol=1e-12)
    assert any(one.value.startswith("2 points of the sweep are sparse") for one in page.caption)
    page.session_state["kind"] = "contractive"
    page = page.run()
    _, drawn = chart_of(page, "trade_off")["data"]
    np.testing.assert_allclose(decoded(drawn["x"]), [0.5])


def test_a_file_that_is_no_sweep_s_table_is_a_sentence_and_the_one_before_stays(page):
    page = opened(page, "sparse", "Compare")
    page.file_uploader(key="sweep_upload").upload("table.csv", SWEEP)
    page = page.run()
    page.file_uploader(key="sweep_upload").upload("other.csv", b"kind\ndenoising\n")
    page = page.run()
    assert [one.value for one in page.error] == [
        "summary.csv, row 1: the kind is neither contractive nor sparse."
    ]
    assert len(chart_of(page, "trade_off")["data"]) == 2


def test_a_model_trained_here_stands_beside_the_ladder(page, small_mnist):
    page = opened(page, "sparse", "Compare")
    page = train_on(page, epochs=1, penalty_weight=1e-3)
    (title,) = page.session_state["lab"].models
    assert column_texts(page, "penalty weight") == [*(f"{weight:g}" for weight in LADDERS["sparse"]), title]
    points = chart_of(page, "trade_off")["data"][0]
    assert points["text"][-1] == title
    own = page.session_state["lab"].models[title]
    assert decoded(points["y"])[-1] == pytest.approx(own.checkpoint.metrics["test_mse"])
    page.selectbox(key="a_sparse").set_value(title)
    page = page.run()
    assert not page.exception
    page.session_state["view"] = "Jacobian"
    page = page.run()
    assert chart_of(page, "spectra")["data"][-1]["name"] == title


def test_two_models_of_the_same_name_are_never_taken_for_each_other(page, tmp_path):
    densities, curves = [], []
    for weight in (0.0, 2e-2):
        content = checkpoints.ladder_paths("sparse")[weight].read_bytes()
        page = choose_kind(page, "sparse")
        page.button_group(key="source").set_value("File")
        page = page.run()
        page.file_uploader(key="upload").upload("same.safetensors", content)
        page = page.run()
        page = opened(page, "sparse", "Sparsity")
        densities.append(figures_on(page)["Active units an image (l0)"])
        page = opened(page, "sparse", "Robustness")
        curves.append(decoded(chart_of(page, "contraction_1")["data"][-1]["y"]).tolist())
    assert densities == ["61.8 of 64", "20.5 of 64"]
    assert curves[0] != curves[1]


def test_more_models_than_columns_go_on_below(page, small_mnist):
    page = opened(page, "sparse", "Compare")
    for seed in range(3):
        page = train_on(page, epochs=1, seed=seed)
    rows = [
        element.proto.body for element in page.main.get("html") if ">penalty weight<" in element.proto.body
    ]
    assert [row.count("<b>") for row in rows] == [8, 1]


def test_compare_differs_only_where_two_models_do(page):
    page = opened(page, "contractive", "Compare")

    def scales():
        return [
            re.search(r"from (\S+) to ([^\s']+)", element.proto.body).groups()
            for element in page.main.get("html")
            if "Colour scale from -" in element.proto.body
        ]

    assert len(scales()) == 3
    assert all(float(high) > 0 for _, high in scales())
    page.selectbox(key="b_contractive").set_value(page.selectbox(key="a_contractive").value)
    page = page.run()
    # Minus nothing to nothing.
    assert not page.exception
    assert scales() == [("-0", "0")] * 3


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
    shown = decoded(chart_of(page, "density_histogram")["data"][0]["x"])
    np.testing.assert_allclose(
        np.sort(shown), np.sort(np.log10(np.maximum(density, 0.5e-4))), rtol=1e-3, atol=1e-3
    )
    assert figures_on(page)["Active units an image (l0)"] == (f"{density.sum():.1f} of {codes.shape[1]}")


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
def test_the_walk_starts_nowhere_and_follows_the_singular_value(page, kind):
    page = opened(page, kind, "Jacobian")
    weight = page.session_state[f"weight_{kind}"]
    model = load_checkpoint(checkpoints.ladder_paths(kind)[weight]).model
    page.slider(key="distance").set_value(0.0)
    page = page.run()
    shown = figures_on(page)
    assert float(shown["Code moves, along tangent 1"]) == pytest.approx(0, abs=1e-5)
    page.slider(key="distance").set_value(0.25)
    page.select_slider(key="tangent").set_value(2)
    page = page.run()
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(X[0]).detach()
    *_, right = torch.linalg.svd(jacobian.flatten(1), full_matrices=False)
    moves = [
        (model.encode(X + sign * 0.25 * right[1].view(1, 1, 28, 28)) - model.encode(X)).norm().item()
        for sign in (1, -1)
    ]
    moved = float(figures_on(page)["Code moves, along tangent 2"])
    assert any(moved == pytest.approx(move, rel=0.01) for move in moves), "a tangent's sign is arbitrary"


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
    expected = (norm / 784 / checkpoint.metrics["code_variance"]) ** 0.5
    (curve,) = (one for one in chart_of(page, "contraction_0")["data"] if one["name"] == "0.001")
    assert decoded(curve["y"])[0] == pytest.approx(expected, rel=0.1)
    assert len(chart_of(page, "contraction_1")["data"]) == 7


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_and_right_has_the_measured_figures(page, kind):
    page = opened(page, kind, "Wrong and right")
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_{kind}"]])
    if kind == "contractive":
        expected = contraction_mistakes(checkpoint.model, X)
    else:
        with torch.inference_mode():
            codes = checkpoint.model.encode(to_float(load_mnist("test").images[:100]))
        expected = sparsity_mistakes(codes, 0.01)
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
    right, sentence = experiment.answer(placed)
    (answer,) = (text for text in texts(page.main.markdown) if sentence in text)
    assert answer.startswith("You were right." if right == 0 else "Rather: ")
    assert re.search(r"\d", sentence)
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
            checkpoint.model.encoder[4].weight.zero_()
            checkpoint.model.encoder[4].bias.fill_(-1.0)
        zero = [0.0] * checkpoint.model.code_size
        metrics = checkpoint.metrics | {
            "mean_activation": zero,
            "max_activation": zero,
            "jacobian_sq_norm": 0.0,
            "relative_sensitivity": None,
            "l0": 0.0,
            "code_variance": 0.0,
        }
        paths[kind] = tmp_path / f"{kind}.safetensors"
        save_checkpoint(replace(checkpoint, metrics=metrics), paths[kind])
    return paths


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_code_that_never_changes_is_said_to_be_constant(page, constant_model, kind, view):
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
def test_a_model_that_blew_up_is_refused_with_a_sentence(page, tmp_path, scale):
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[0.0])
    with torch.no_grad():
        for parameter in checkpoint.model.parameters():
            parameter.mul_(scale)
    path = tmp_path / "large.safetensors"
    save_checkpoint(checkpoint, path)
    page = opened(page, "contractive", "Jacobian")
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


def test_the_downloads_wait_for_a_drawing(page):
    names = [button.proto.label for button in page.get("download_button")]
    assert names == ["Maps (PNG)", "Numbers (CSV)", "Report (HTML)", "Model"]
    assert [button.proto.disabled for button in page.get("download_button")] == [True, True, True, False]
    page = put_on_canvas(page, enlarged_digit(DIGIT))
    assert not any(button.proto.disabled for button in page.get("download_button"))
