"""Tensors that no model has are refused with a sentence. Needs torch and safetensors."""

import dataclasses
import json
import struct

import pytest
import torch

from ae_core.config import RECIPES
from tests.unit.checkpoints.helpers import refusal
from tests.unit.conftest import parts


@pytest.mark.parametrize(
    ("tensors", "named"),
    [
        ({"encoder.6.weight": torch.zeros(1)}, "encoder.6.weight"),
        ({"optimizer": torch.zeros(3)}, "optimizer"),
        ({"decoder.4.bias": None}, "decoder.4.bias"),
        ({"encoder.0.weight": None, "encoder.0.weights": torch.zeros(16, 1, 3, 3)}, "encoder.0.weight"),
        ({"encoder.0.bias": torch.zeros(17)}, "encoder.0.bias"),
        ({"encoder.0.bias": torch.zeros(1, 16)}, "encoder.0.bias"),
        ({"encoder.0.bias": torch.zeros(())}, "encoder.0.bias"),
        ({"encoder.0.bias": torch.zeros(0)}, "encoder.0.bias"),
        ({"encoder.2.weight": torch.zeros(16, 32, 3, 3)}, "encoder.2.weight"),
    ],
    ids=[
        "extra",
        "extra too",
        "missing",
        "renamed",
        "longer",
        "one axis more",
        "scalar",
        "empty",
        "transposed",
    ],
)
def test_foreign_missing_and_misshapen_tensors_are_checkpoint_errors(forge, tensors, named):
    assert named in refusal(forge(tensors))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int32, torch.bool])
def test_tensors_of_another_type_are_checkpoint_errors(forge, dtype):
    assert "encoder.4.bias" in refusal(forge({"encoder.4.bias": torch.zeros(64, dtype=dtype)}))


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        *(("F4", [128]), ("F6_E2M3", [32]), ("F8_E8M0", [64]), ("F8_E5M2", [64]), ("C64", [8]), ("I8", [64])),
        *(("U16", [32]), ("F33", [16]), ("f32", [16]), ("", [16]), (None, [16]), (4, [16])),
        *(("F32", [2**63, 2]), ("F32", [-16]), ("F32", [16.0]), ("F32", 16), ("F32", None)),
    ],
    ids=str,
)
def test_types_and_shapes_that_pytorch_does_not_know_are_checkpoint_errors(forge, dtype, shape):
    path = forge()
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header["encoder.0.bias"] |= {"dtype": dtype, "shape": shape}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    refusal(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["encoder.0.bias", "decoder.4.weight"])
def test_one_weight_that_is_not_finite_is_a_checkpoint_error(forge, saved_checkpoint, name, value):
    weights = parts(saved_checkpoint("sparse")[1])[0][name]
    weights.view(-1)[-1] = value
    assert name in refusal(forge({name: weights}))


def test_the_other_kind_s_weights_are_a_checkpoint_error(forge):
    recipe = RECIPES["contractive"]["reference"]
    path = forge(
        model_config=json.dumps(dataclasses.asdict(recipe.model)),
        train_config=json.dumps(dataclasses.asdict(recipe.train)),
        metrics="{}",
    )
    assert "does not fit" in refusal(path)


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb"], ids=["long", "broken"])
def test_a_tensor_s_name_neither_swells_nor_breaks_the_message(forge, name):
    refusal(forge({name: torch.zeros(1)}))
