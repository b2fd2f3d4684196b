"""Metadata that say nothing possible are refused with a sentence. Needs torch and safetensors."""

import json

import pytest
from safetensors.torch import save as to_safetensors

from tests.unit.checkpoints.helpers import refusal
from tests.unit.conftest import parts


@pytest.mark.parametrize("value", [None, "", "autoencoder-lab/2", "autoencoder-lab", "pt"])
def test_another_format_is_a_checkpoint_error(forge, value):
    assert "autoencoder-lab/1" in refusal(forge(format=value))


def test_a_file_without_metadata_is_a_checkpoint_error(forge, tmp_path):
    tensors, _ = parts(forge())
    path = tmp_path / "bare.safetensors"
    path.write_bytes(to_safetensors(tensors))
    refusal(path)


@pytest.mark.parametrize("place", ["model_config", "train_config", "metrics"])
@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{",
        "[]",
        "null",
        "3",
        '"sparse"',
        "{'kind': 'sparse'}",
        "[" * 100_000,
        '{"seed":' + "9" * 5000,
    ],
    ids=["missing", "empty", "cut", "list", "null", "number", "string", "python", "deep", "cut long number"],
)
def test_metadata_that_is_no_json_object_is_a_checkpoint_error(forge, place, text):
    assert place in refusal(forge(**{place: text}))


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("model_config", "layers", 3),
        ("model_config", "kind", "denoising"),
        ("model_config", "kind", ["sparse"]),
        ("model_config", "code_activation", "relu"),
        ("model_config", "code_activation", {}),
        ("model_config", "output_activation", 1),
        ("train_config", "weight_decay", 0.1),
        ("train_config", "penalty_weight", -1),
        ("train_config", "penalty_weight", None),
        ("train_config", "penalty_weight", "0.1"),
        ("train_config", "penalty_weight", float("nan")),
        ("train_config", "penalty_weight", float("inf")),
        ("train_config", "sparsity_target", None),
        ("train_config", "sparsity_target", 1),
        ("train_config", "epochs", 0),
        ("train_config", "epochs", True),
        ("train_config", "batch_size", 1.5),
        ("train_config", "learning_rate", 0),
        ("train_config", "schedule", "cosine"),
        ("train_config", "seed", 2**63),
        pytest.param("train_config", "penalty_weight", 10**400, id="train_config-penalty_weight-10**400"),
        pytest.param("train_config", "learning_rate", 10**400, id="train_config-learning_rate-10**400"),
    ],
)
def test_an_impossible_configuration_is_a_checkpoint_error_that_names_the_field(
    forge_field, place, name, value
):
    assert name in refusal(forge_field(place, name, value))


@pytest.mark.parametrize(("place", "missing"), [("model_config", "kind"), ("train_config", "penalty_weight")])
def test_a_configuration_without_a_necessary_field_is_a_checkpoint_error(forge, place, missing):
    _, metadata = parts(forge())
    fields = json.loads(metadata[place])
    del fields[missing]
    assert missing in refusal(forge(**{place: json.dumps(fields)}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("test_mse", "small"),
        ("test_mse", float("nan")),
        ("test_mse", float("inf")),
        ("test_mse", {}),
        ("test_mse", [[0.1]]),
        ("hoyer", ["0.5"]),
        ("mean_activation", [float("nan")] * 64),
        ("mean_activation", ["0.01"] * 64),
        ("max_activation", [float("-inf")] * 64),
        pytest.param("test_mse", 10**400, id="test_mse-10**400"),
        pytest.param("mean_activation", [10**400] * 64, id="mean_activation-10**400"),
    ],
)
def test_a_metric_that_is_no_finite_number_is_a_checkpoint_error_that_names_it(forge_field, name, value):
    assert name in refusal(forge_field("metrics", name, value))


@pytest.mark.parametrize("name", ["mean_activation", "max_activation"])
@pytest.mark.parametrize(
    "value",
    [[], [0.1], [0.1] * 63, [0.1] * 65, [0.1] * 1152, [0.1] * 63 + [None], 0.1],
    ids=["none", "one", "63", "65", "1152", "a hole", "a number"],
)
def test_metrics_for_another_number_of_units_are_a_checkpoint_error(forge_field, name, value):
    assert name in refusal(forge_field("metrics", name, value))


@pytest.mark.parametrize(
    ("place", "name", "value"),
    [
        ("model_config", "kind", "x" * 10_000),
        ("model_config", "x" * 10_000, 1),
        ("train_config", "a\nb", 1),
        ("train_config", "schedule", ["constant"] * 10_000),
        ("metrics", "x" * 10_000, "small"),
        ("metrics", "a\nb", "small"),
    ],
    ids=["kind", "model field", "train field", "schedule", "metric", "broken metric"],
)
def test_what_a_file_says_neither_swells_nor_breaks_the_message(forge_field, place, name, value):
    refusal(forge_field(place, name, value))
