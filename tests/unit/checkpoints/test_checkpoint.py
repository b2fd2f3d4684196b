"""Checkpoints out and back. Needs torch and safetensors; writes to tmp_path."""

import dataclasses
import json
from dataclasses import replace

import pytest
import torch

from ae_core.analysis.metrics import PartialMetrics
from ae_core.checkpoints import load_checkpoint, save_checkpoint
from ae_core.config import CODE_ACTIVATIONS, KINDS, OUTPUT_ACTIVATIONS, RECIPES
from tests.unit.conftest import parts

ALL_MODELS = [
    (kind, code, output)
    for kind in KINDS
    for code in CODE_ACTIVATIONS[kind]
    for output in OUTPUT_ACTIVATIONS[kind]
]
LAYERS = [
    f"{half}.{layer}.{part}"
    for half in ("encoder", "decoder")
    for layer in (0, 2, 4)
    for part in ("weight", "bias")
]
UNITS = {"contractive": 1152, "sparse": 64}


@pytest.mark.parametrize(("kind", "code_activation", "output_activation"), ALL_MODELS)
def test_a_checkpoint_comes_back_bit_for_bit(saved_checkpoint, kind, code_activation, output_activation):
    before, path = saved_checkpoint(kind, code_activation, output_activation)
    after = load_checkpoint(path)
    assert after.model_config == before.model_config
    assert after.model_config.code_activation == code_activation
    assert after.model_config.output_activation == output_activation
    assert after.train_config == before.train_config
    assert after.metrics == before.metrics
    weights = before.model.state_dict()
    loaded = after.model.state_dict()
    assert list(loaded) == list(weights)
    assert all(torch.equal(loaded[name], weights[name]) for name in weights)
    x = torch.rand(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(after.model(x).reconstruction, before.model(x).reconstruction)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("recipe", ["reference", "best", "fast"])
def test_every_training_recipe_comes_back(make_checkpoint, tmp_path, kind, recipe):
    train_config = RECIPES[kind][recipe].train
    checkpoint = dataclasses.replace(make_checkpoint(kind), train_config=train_config)
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    assert load_checkpoint(path).train_config == train_config


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_what_the_contract_says(saved_checkpoint, kind):
    checkpoint, path = saved_checkpoint(kind)
    tensors, metadata = parts(path)
    assert set(tensors) == set(LAYERS)
    assert {value.dtype for value in tensors.values()} == {torch.float32}
    assert set(metadata) == {"format", "model_config", "train_config", "metrics"}
    assert metadata["format"] == "autoencoder-lab/1"
    model_config = json.loads(metadata["model_config"])
    assert model_config["kind"] == kind
    assert {"code_activation", "output_activation"} <= set(model_config)
    train_config = json.loads(metadata["train_config"])
    assert {"penalty_weight", "sparsity_target", "epochs", "batch_size", "learning_rate", "seed"} <= set(
        train_config
    )
    assert (train_config["sparsity_target"] is None) == (kind == "contractive")
    metrics = json.loads(metadata["metrics"])
    assert metrics == checkpoint.metrics.as_dict()
    assert {
        "test_mse",
        "jacobian_sq_norm",
        "relative_sensitivity",
        "reconstruction_jacobian_sq_norm",
        "l0",
        "dead_units",
        "hoyer",
        "mean_activation",
    } <= set(metrics)
    assert len(metrics["mean_activation"]) == UNITS[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_in_channels_last_is_saved_like_any_other(make_checkpoint, tmp_path, kind):
    checkpoint = make_checkpoint(kind)
    weights = {name: value.clone() for name, value in checkpoint.model.state_dict().items()}
    checkpoint.model.to(memory_format=torch.channels_last)
    assert not checkpoint.model.encoder_convolutions[1].weight.is_contiguous()
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    for found in (parts(path)[0], load_checkpoint(path).model.state_dict()):
        assert all(torch.equal(found[name], value) for name, value in weights.items())


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_weights_of_another_type_are_saved_in_float32(make_checkpoint, tmp_path, dtype):
    checkpoint = make_checkpoint("sparse")
    expected = {name: value.to(dtype).float() for name, value in checkpoint.model.state_dict().items()}
    checkpoint.model.to(dtype)
    path = tmp_path / "model.safetensors"
    save_checkpoint(checkpoint, path)
    loaded = load_checkpoint(path).model.state_dict()
    assert {value.dtype for value in loaded.values()} == {torch.float32}
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())


def test_a_loaded_model_is_ready_for_use(saved_checkpoint):
    _, path = saved_checkpoint("sparse")
    assert not load_checkpoint(path).model.training
    assert not load_checkpoint(str(path)).model.training


@pytest.mark.parametrize("device", ["cpu", "meta", torch.device("cpu"), torch.device("meta")])
def test_the_model_is_loaded_to_the_device_that_is_asked_for(saved_checkpoint, device):
    # "meta" is a device that every machine has and that is not the default.
    model = load_checkpoint(saved_checkpoint("sparse")[1], device=device).model
    assert {value.device for value in model.state_dict().values()} == {torch.device(device)}


def test_without_a_device_the_model_is_on_the_cpu(saved_checkpoint):
    model = load_checkpoint(saved_checkpoint("sparse")[1]).model
    assert next(model.parameters()).device == torch.device("cpu")


def test_undefined_metrics_come_back_as_none(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint("sparse")
    shifts = checkpoint.metrics.code_shift
    undefined = replace(
        checkpoint.metrics,
        code_shift=dict.fromkeys(shifts),
        jacobians=replace(checkpoint.metrics.jacobians, relative_sensitivity=None),
    )
    path = tmp_path / "model.safetensors"
    save_checkpoint(replace(checkpoint, metrics=undefined), path)
    found = load_checkpoint(path).metrics
    assert found == undefined
    assert found.jacobians.relative_sensitivity is None
    assert found.code_shift == {0.1: None, 0.2: None, 0.3: None}


def test_values_measured_without_jacobians_come_back_without_them(make_checkpoint, tmp_path):
    checkpoint = make_checkpoint("sparse")
    quick = replace(checkpoint.metrics, jacobians=None)
    path = tmp_path / "model.safetensors"
    save_checkpoint(replace(checkpoint, metrics=quick), path)
    assert load_checkpoint(path).metrics == quick


def test_a_file_without_values_is_a_model_of_which_nothing_is_known(make_checkpoint, tmp_path):
    path = tmp_path / "model.safetensors"
    save_checkpoint(replace(make_checkpoint("sparse"), metrics=PartialMetrics({})), path)
    assert load_checkpoint(path).metrics == PartialMetrics({})


@pytest.mark.parametrize("kind", KINDS)
def test_an_older_file_s_l0_is_read_as_its_active_units_and_its_dead_units_are_left_out(
    make_checkpoint, tmp_path, kind
):
    checkpoint = make_checkpoint(kind)
    # What the versions stored that had neither active units nor noise.
    new = ("active_units", "code_shift", "denoising_mse")
    today = checkpoint.metrics.as_dict()
    older = {name: value for name, value in today.items() if not name.startswith(new)}
    older |= {"l0": 21.5, "dead_units": 12}
    path = tmp_path / "older.safetensors"
    save_checkpoint(replace(checkpoint, metrics=PartialMetrics(older)), path)
    found = load_checkpoint(path).metrics
    assert isinstance(found, PartialMetrics)
    kept = {name: value for name, value in older.items() if name not in ("l0", "dead_units")}
    assert found.as_dict() == {**kept, "active_units": 21.5}, "l0 and dead units mean something else today"
    save_checkpoint(replace(checkpoint, metrics=found), path)
    assert load_checkpoint(path).metrics == found
    save_checkpoint(checkpoint, path)
    assert load_checkpoint(path).metrics == checkpoint.metrics
