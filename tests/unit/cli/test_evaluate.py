"""What evaluate measures and prints, on a hundred images. Needs torch and click, on the CPU."""

import json
from dataclasses import replace

import pytest

from ae_core.analysis.notation import value_text
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.config import KINDS
from tests.unit.cli.helpers import QUICK
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_file_loads_and_evaluate_prints_the_metrics_that_it_stores(run, tmp_path, kind):
    path = tmp_path / "new folder" / "model.safetensors"
    # Without a penalty the code is alive after a few steps: figures of 0 would agree with anything.
    code, out, _ = run(
        *("train", "--kind", kind, "--recipe", "reference", *QUICK), "--penalty-weight", 0, "--out", path
    )
    assert (code, out) == (0, "")
    stored = load_checkpoint(path).metrics.as_dict()
    assert stored["jacobian_sq_norm"] > 0
    code, out, _ = run("evaluate", path, "--device", "cpu", "--json")
    assert code == 0
    # The whole of standard output is one object: json.loads refuses anything before or after it.
    printed = json.loads(out)
    assert len(out.splitlines()) == 1
    assert list(printed) == list(stored)
    assert {"test_mse", "jacobian_sq_norm", "hoyer", "l0", "dead_units", "mean_activation"} <= set(printed)
    for name, value in stored.items():
        assert printed[name] == pytest.approx(value, rel=1e-4, abs=1e-7), name


def test_evaluate_measures_and_does_not_repeat_what_the_file_says(run, tmp_path, saved_checkpoint):
    checkpoint, path = saved_checkpoint("sparse")
    save_checkpoint(replace(checkpoint, metrics=replace(checkpoint.metrics, test_mse=123.0)), path)
    _, out, _ = run("evaluate", path, "--device", "cpu", "--json")
    assert 0 < json.loads(out)["test_mse"] < 1


def missing(path):
    path.unlink()


def damaged(path):
    path.write_bytes(path.read_bytes()[:5000])


def text(path):
    path.write_text("not a checkpoint")


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [missing, damaged, text, a_folder])
def test_a_file_that_cannot_be_evaluated_is_one_line_and_exit_code_1(run, saved_checkpoint, damage):
    _, path = saved_checkpoint("sparse")
    damage(path)
    code, out, err = run("evaluate", path, "--device", "cpu")
    assert (code, out) == (1, "")
    assert path.name in err
    assert_one_error_line(err)


def test_people_read_the_values_by_their_names_on_the_page(run, saved_checkpoint):
    _, path = saved_checkpoint("sparse")
    values = json.loads(run("evaluate", path, "--device", "cpu", "--json")[1])
    code, out, _ = run("evaluate", path, "--device", "cpu")
    assert code == 0
    told = {label: value for value, label in (line.strip().split("  ", 1) for line in out.splitlines())}
    assert told["test MSE"] == value_text(values["test_mse"])
    assert told["denoising MSE at noise 0.2"] == value_text(values["denoising_mse_0.2"])
    assert told["dead units"] == str(values["dead_units"])
    assert not any("mean_activation" in label for label in told)
