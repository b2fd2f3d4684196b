"""How the command line is used: options, help, and what is bad use.

Needs torch and click; one test starts a Python process.
"""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from ae_core.cli import commands as cli
from ae_core.config import ModelConfig, TrainConfig
from tests.unit.cli.helpers import ABSENT_DEVICE
from tests.unit.conftest import assert_one_error_line

pytestmark = pytest.mark.usefixtures("few_images")


@pytest.mark.parametrize("command", ["train", "ladder"])
def test_every_field_of_a_recipe_has_an_option(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    for field in (*fields(ModelConfig), *fields(TrainConfig)):
        option = {"changes": "change", "data_digest": "data"}.get(field.name, field.name)
        assert f"--{option.replace('_', '-')} " in out
    assert "--schedule [constant|one_cycle]" in out
    assert "How slowly Adam forgets gradients, in [0," in out, "the field's own docstring"
    assert "[best: 0.0001 (contractive), 0.005 (sparse)]" in " ".join(out.split()), "what it is unless given"
    assert "--device [auto|cuda|cpu]" in out
    for option in ("--recipe", "--device", "--out"):
        assert f"{option} " in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--kind", "denoising", "--out", "OUT"],
        ["train", "--out", "OUT"],
        ["train", "--kind", "sparse"],
        ["train", "--kind", "sparse", "--out"],
        ["train", "--kind", "sparse", "--recipe", "worst", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "-1", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "nan", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "1e999", "--out", "OUT"],
        ["train", "--kind", "sparse", "--penalty-weight", "much", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "2", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "0", "--out", "OUT"],
        ["train", "--kind", "sparse", "--sparsity-target", "none", "--out", "OUT"],
        ["train", "--kind", "contractive", "--sparsity-target", "0.01", "--out", "OUT"],
        ["train", "--kind", "contractive", "--code-activation", "rectified_tanh", "--out", "OUT"],
        ["train", "--kind", "contractive", "--output-activation", "relu", "--out", "OUT"],
        ["train", "--kind", "contractive", "--epochs", "0", "--out", "OUT"],
        ["train", "--kind", "contractive", "--epochs", "1.5", "--out", "OUT"],
        ["train", "--kind", "contractive", "--schedule", "cosine", "--out", "OUT"],
        ["train", "--kind", "contractive", "--learning-rate", "0", "--out", "OUT"],
        ["train", "--kind", "contractive", "--max-grad-norm", "-1", "--out", "OUT"],
        ["train", "--kind", "contractive", "--seed", "-1", "--out", "OUT"],
        ["train", "--kind", "contractive", "--seed", "9" * 400, "--out", "OUT"],
        ["train", "--kind", "sparse", "--device", ABSENT_DEVICE, "--out", "OUT"],
        ["train", "--kind", "sparse", "--device", "", "--out", "OUT"],
        ["train", "--kind", "sparse", "--lambda", "1", "--out", "OUT"],
        ["train", "--kind", "sparse", "--out", "OUT", "surplus"],
        ["train", "--kind", "sparse", "--out", "."],
        ["ladder", "--kind", "denoising", "--out", "OUT"],
        ["ladder", "--kind", "sparse"],
        ["ladder", "--kind", "sparse", "--sparsity-target", "2", "--out", "OUT"],
        ["ladder", "--kind", "sparse", "--device", ABSENT_DEVICE, "--out", "OUT"],
        ["evaluate"],
        ["evaluate", "OUT", "surplus"],
        ["evaluate", "OUT", "--device", ABSENT_DEVICE],
        ["evaluate", "OUT", "--verbose"],
        ["explain"],
        ["--version"],
    ],
    ids=lambda arguments: " ".join(part[:20] for part in arguments),
)
def test_bad_use_is_one_line_and_exit_code_2(run, tmp_path, arguments):
    target = tmp_path / "out"
    code, out, err = run(*[target if part == "OUT" else part for part in arguments])
    assert code == 2
    assert out == ""
    assert_one_error_line(err)
    assert not target.exists()


def test_no_command_is_answered_with_the_help_and_exit_code_2(run):
    code, out, err = run()
    assert (code, out) == (2, "")
    assert {"train", "ladder", "evaluate"} <= set(err.split())


def test_the_help_goes_to_standard_output_with_exit_code_0(run):
    code, out, err = run("--help")
    assert (code, err) == (0, "")
    assert {"train", "ladder", "evaluate"} <= set(out.split())


def test_a_shell_sees_the_exit_code_and_the_line():
    root = Path(cli.__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-m", "ae_core", "train", "--kind", "sparse"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stdout) == (2, "")
    assert_one_error_line(result.stderr)
