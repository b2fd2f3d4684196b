"""Figures drawn without the page hold the values that the functions of the lab give. Needs shipped models."""

import csv
import io

import numpy as np
import pytest

from ae_core.analysis.inspection import inspect
from ae_core.analysis.page_names import View
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.cli.commands import main
from ae_core.data import load_mnist, to_float
from ae_core.figures import FIGURES
from ae_core.jacobian import encoder_jacobian, spectrum
from tests.unit.conftest import assert_one_error_line

FILES = {"contractive": ladder_paths("contractive")[1e-4], "sparse": ladder_paths("sparse")[5e-3]}
OTHER = {"contractive": ladder_paths("contractive")[1e-1], "sparse": ladder_paths("sparse")[0.0]}
HISTORY = FILES["sparse"].with_name("sparse-0.005-seed-1.safetensors")


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def third(digit):
    images, labels = load_mnist("test")
    return to_float(images[(labels == digit).nonzero().flatten()[2]][None])


def rows(path):
    return list(csv.DictReader(io.StringIO(path.read_text())))


@pytest.mark.parametrize(("view", "chart"), [(view, chart) for view in FIGURES for chart in FIGURES[view]])
def test_every_chart_of_every_view_has_its_values(run, tmp_path, view, chart):
    out = tmp_path / "figure.csv"
    file = HISTORY if view is View.TRAIN else FILES["sparse"]
    code, _, err = run(
        *("figure", view.value.lower(), "--chart", chart, "--model", file, "--digit", "7.2", "--out", out)
    )
    assert code == 0, err
    found = rows(out)
    assert found
    assert {row["chart"] for row in found} == {chart}
    assert all(row["y"] != "" for row in found)


@pytest.mark.parametrize("kind", FILES)
def test_curves_of_several_models_are_their_singular_values(run, tmp_path, kind):
    out = tmp_path / "spectrum.csv"
    files = FILES[kind], OTHER[kind]
    options = [part for file in files for part in ("--model", file)]
    assert run("figure", "jacobian", *options, "--digit", "7.2", "--out", out)[0] == 0
    for file in files:
        drawn = [float(row["y"]) for row in rows(out) if row["series"] == file.stem]
        exact = spectrum(encoder_jacobian(load_checkpoint(file).model, third(7)))[0].detach().numpy()
        assert len(drawn) > 5
        np.testing.assert_allclose(drawn, exact[: len(drawn)], rtol=1e-3)


def test_maps_and_reader_errors_are_those_of_the_model(run, tmp_path):
    out = tmp_path / "maps.csv"
    assert run("figure", "play", "--model", FILES["contractive"], "--digit", "7.2", "--out", out)[0] == 0
    model = load_checkpoint(FILES["contractive"]).model
    drawn = [float(row["value"]) for row in rows(out) if row["series"] == "sensitivity"]
    np.testing.assert_allclose(drawn, inspect(model, third(7)).sensitivity_map.flatten(), rtol=1e-4)
    assert run("figure", "meaning", "--model", FILES["contractive"], "--out", out)[0] == 0
    errors = load_probe(probe_path(FILES["contractive"]), model).errors
    assert float(rows(out)[0]["y"]) == pytest.approx(errors["probe_error_all"])


def test_without_a_browser_a_picture_is_a_sentence_and_no_file(run, tmp_path, monkeypatch):
    def no_browser(*_, **__):
        raise RuntimeError("Kaleido requires Google Chrome to be installed.\n\nSee …")

    monkeypatch.setattr("plotly.graph_objects.Figure.to_image", no_browser)
    out = tmp_path / "figure.png"
    code, _, err = run("figure", "units", "--model", FILES["sparse"], "--out", out)
    assert code == 1
    assert_one_error_line(err)
    assert "Chrome" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("learn", "--model", FILES["sparse"], "--out", "a.csv"), "learn"),
        (("play", "--out", "a.csv"), "--model"),
        (("play", "--model", FILES["sparse"]), "--out"),
        (("play", "--model", FILES["sparse"], "--out", "a.pdf"), ".svg"),
        (("play", "--model", FILES["sparse"], "--out", "a"), ".svg"),
        (("play", "--model", FILES["sparse"], "--out", "a.csv", "--digit", "7"), "7.2"),
        (("play", "--model", FILES["sparse"], "--out", "a.csv", "--digit", "7.2000"), "1,028"),
        (("jacobian", "--model", FILES["sparse"], "--out", "a.csv", "--chart", "spectra"), "spectrum"),
        (("play", "--model", FILES["sparse"], "--out", "a.csv", "--width", "0"), "width"),
    ],
)
def test_bad_use_is_one_line_and_exit_code_2(run, arguments, said):
    code, out, err = run("figure", *arguments)
    assert (code, out) == (2, "")
    assert_one_error_line(err)
    assert said in err


def test_what_cannot_be_drawn_is_one_line_and_no_file(run, tmp_path):
    out, model = tmp_path / "a.csv", tmp_path / "model.safetensors"
    model.write_bytes(FILES["sparse"].read_bytes())
    for arguments in (
        ("play", "--model", tmp_path / "missing.safetensors"),
        ("train", "--model", FILES["sparse"]),
        ("meaning", "--model", model),
        ("map", "--model", model),
        ("compare", "--model", FILES["sparse"], "--model", FILES["contractive"]),
    ):
        code, _, err = run("figure", *arguments, "--out", out)
        assert code == 1
        assert_one_error_line(err)
        assert not out.exists()
