"""The Compare view, in Streamlit's test harness. Needs the shipped checkpoints."""

import csv
import io
import re

import numpy as np
import pytest

from ae_core import checkpoints
from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import denoising_paths, ladder_paths
from ae_core.config import KINDS, LADDERS
from ae_core.render.export import histories_to_csv
from tests.app.conftest import bodies, choose_kind, decoded, show_view, slide, train_on, upload, values_on
from tests.app.opened_views import X, chart_of, column_texts, labels, models, opened


@pytest.mark.parametrize("kind", KINDS)
def test_compare_has_each_model_s_figures_and_its_place_on_the_trade_off(page, kind):
    page = opened(page, kind, "Compare")
    # Rows have eight columns; more go on below.
    assert column_texts(page, "penalty weight") == labels(kind)[:8]
    seen = [inspect(model, X) for model in models(kind)]
    assert column_texts(page, "MSE of this digit") == [f"{one.mse:.2g}" for one in seen][:8]
    assert column_texts(page, "‖J‖²") == [f"{one.jacobian_sq_norm:.2g}" for one in seen][:8]
    points = chart_of(page, "trade_off")["data"][0]
    paths = (*ladder_paths(kind).values(), *denoising_paths(kind).values())
    metrics = [load_checkpoint(path).metrics for path in paths]
    cost = "code_shift_0.2" if kind == "contractive" else "active_units"
    np.testing.assert_allclose(decoded(points["x"]), [one.value_of(cost) for one in metrics], rtol=1e-6)
    np.testing.assert_allclose(decoded(points["y"]), [one.test_mse for one in metrics], rtol=1e-6)
    assert "‖J‖" not in chart_of(page, "trade_off")["layout"]["xaxis"]["title"]["text"], "scale-free at first"
    sizes = points["marker"]["size"]
    assert sizes.index(max(sizes)) == LADDERS[kind].index(page.session_state[f"weight_A_{kind}"])


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
    page.session_state["cost_contractive"] = "jacobian_sq_norm"
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
    page = show_view(page, "Compare")
    (title,) = page.session_state["lab"].models
    assert title in " ".join(bodies(page))
    points = chart_of(page, "trade_off")["data"][0]
    assert points["text"][-1] == title
    own = page.session_state["lab"].models[title]
    assert decoded(points["y"])[-1] == pytest.approx(own.checkpoint.metrics.test_mse)
    page = show_view(page, "Jacobian")
    assert not page.exception
    assert chart_of(page, "spectra")["data"][-1]["name"] == title


def test_two_models_of_the_same_name_are_never_taken_for_each_other(page, few_measured):
    expected, used, curves = [], [], []
    for weight in (0.0, 2e-2):
        path = checkpoints.ladder_paths("sparse")[weight]
        expected.append(f"{checkpoints.load_checkpoint(path).metrics.l0:.1f} of 64")
        content = path.read_bytes()
        page = upload(choose_kind(page, "sparse"), "same.safetensors", content)
        page = opened(page, "sparse", "Units")
        used.append(values_on(page)["Units that are not zero, per image (l0)"])
        page = opened(page, "sparse", "Robustness")
        curves.append(decoded(chart_of(page, "contraction_1")["data"][-1]["y"]).tolist())
    assert used == expected
    assert used[0] != used[1]
    assert curves[0] != curves[1]


def test_more_models_than_columns_go_on_below(page, small_mnist):
    page = opened(page, "sparse", "Compare")
    for seed in range(3):
        page = train_on(page, epochs=1, seed=seed)
    page = show_view(page, "Compare")
    rows = [
        element.proto.body for element in page.main.get("html") if ">penalty weight<" in element.proto.body
    ]
    assert [row.count("<b>") for row in rows] == [8, 3]


def test_compare_differs_only_where_two_models_do(page):
    page = opened(page, "contractive", "Compare")
    page.button(key="compare_b").click()
    page = page.run()

    def scales():
        return [
            re.search(r"from (\S+) to ([^\s']+)", element.proto.body).groups()
            for element in page.main.get("html")
            if "Colour scale from -" in element.proto.body
        ]

    assert len(scales()) == 3
    assert all(float(high) > 0 for _, high in scales())
    page = slide(page, "weight_B_contractive", 1e-4)
    assert not page.exception
    assert scales() == [], "A and B are the same model"


def test_models_trained_here_have_their_curves_on_one_axis_and_as_csv(page, small_mnist):
    page = choose_kind(page, "sparse")
    for weight in (1e-3, 1e-2):
        page = train_on(page, epochs=2, penalty_weight=weight)
    page = show_view(page, "Compare")
    assert not page.exception
    lab = page.session_state["lab"]
    titles = list(lab.models)
    # The rungs have no history.
    shown = [*(label for label in labels("sparse") if "denoising" in label), *titles]

    def curves():
        return {trace["name"]: trace for trace in chart_of(page, "learning_curves")["data"]}

    assert list(curves()) == shown
    page.button_group(key=f"curves_of_{len(shown)}_sparse").set_value([titles[1]])
    page = page.run()
    assert list(curves()) == titles[1:]
    page.selectbox(key="learning_error").set_value("test images")
    page = page.run()
    tried = lab.observations[titles[1]]
    np.testing.assert_allclose(
        decoded(curves()[titles[1]]["y"]), [each.test_mse for each in tried], rtol=1e-6
    )
    page.selectbox(key="learning_error").set_value("test images with noise 0.2")
    page = page.run()
    noisy = decoded(curves()[titles[1]]["y"])
    np.testing.assert_allclose(noisy, [each.denoising_mse for each in tried], rtol=1e-6)
    known = {name: shown.checkpoint.history for name, shown in lab.models.items()}
    table = list(csv.DictReader(io.StringIO(histories_to_csv(known))))
    assert {row["model"] for row in table} == set(titles)
    assert [float(row["mse"]) for row in table] == [row.mse for rows in known.values() for row in rows]
