"""Every kind of bad checkpoint gets a sentence. Needs torch and safetensors; writes to tmp_path."""

import dataclasses
import io
import json
import pickle
import random
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import save as to_safetensors

from ae_core.checkpoints import Checkpoint, files, load_checkpoint, read_checkpoint
from ae_core.config import RECIPES
from ae_core.errors import CheckpointError
from tests.unit.conftest import parts


def refusal(path):
    """The message with which a file is refused: one line, one sentence, of a length that can be read."""
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path)
    message = str(caught.value)
    assert Path(path).name in message
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message
    assert len(message) < 500
    if Path(path).is_file():
        # As an upload, which never lies on a disk, it gets the same sentence.
        with pytest.raises(CheckpointError) as caught:
            read_checkpoint(Path(path).name, Path(path).read_bytes())
        assert str(caught.value) == message
    return message


@pytest.fixture
def forge(saved_checkpoint, tmp_path):
    """Writes a sparse checkpoint with some tensors and some metadata changed; None takes one away."""
    _, source = saved_checkpoint("sparse")
    tensors, metadata = parts(source)

    def write(new_tensors=None, **new_metadata):
        changed = [
            {name: value for name, value in (old | (new or {})).items() if value is not None}
            for old, new in ((tensors, new_tensors), (metadata, new_metadata))
        ]
        path = tmp_path / "forged.safetensors"
        path.write_bytes(to_safetensors(*changed))
        return path

    return write


@pytest.fixture
def forge_field(forge, saved_checkpoint):
    """Writes a sparse checkpoint with one entry of one JSON object of its metadata changed."""
    _, metadata = parts(saved_checkpoint("sparse")[1])

    def write(place, name, value):
        return forge(**{place: json.dumps(json.loads(metadata[place]) | {name: value})})

    return write


def png_bytes():
    buffer = io.BytesIO()
    Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28)).save(buffer, format="PNG")
    return buffer.getvalue()


def torch_file_bytes():
    buffer = io.BytesIO()
    torch.save({"encoder.0.weight": torch.zeros(16, 1, 3, 3)}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0" * 8,
        b"\xff" * 64,
        b"These are not the weights that you are looking for.\n" * 20,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2**40) + b"{}",
        png_bytes(),
        torch_file_bytes(),
        pickle.dumps({"format": "autoencoder-lab/1"}),
    ],
    ids=[
        "empty",
        "one byte",
        "zeros",
        "ones",
        "text",
        "no tensors",
        "a list for a header",
        "a header longer than the file",
        "png",
        "torch.save",
        "pickle",
    ],
)
def test_a_file_of_another_kind_is_a_checkpoint_error(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    refusal(path)


@pytest.mark.parametrize("share", [0.0001, 0.001, 0.01, 0.5, 0.999])
def test_a_truncated_file_is_a_checkpoint_error(saved_checkpoint, share):
    _, path = saved_checkpoint("sparse")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    refusal(path)


@pytest.mark.parametrize("change", [-1, 1])
def test_one_byte_too_few_or_too_many_is_a_checkpoint_error(saved_checkpoint, change):
    _, path = saved_checkpoint("sparse")
    content = path.read_bytes()
    path.write_bytes(content[:-1] if change < 0 else content + b"\0")
    refusal(path)


def test_damaged_bytes_are_loaded_or_refused_and_nothing_else(saved_checkpoint):
    _, path = saved_checkpoint("sparse")
    content = path.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    chance = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        for _ in range(chance.choice((1, 2, 20))):
            damaged[chance.randrange(header)] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            load_checkpoint(path)
        except CheckpointError:
            refused += 1
    # A changed digit of a number is still a number; most of the header is names.
    assert refused > 200


def test_a_file_over_20_mb_is_refused_by_its_size_alone(tmp_path):
    path = tmp_path / "model.safetensors"
    with path.open("wb") as file:
        file.truncate(20 * 2**20 + 1)
    said = refusal(path)
    assert "larger than 20 MB" in said
    assert re.findall(r"\d+", said) == ["20"], "one number cannot contradict itself"
    with path.open("wb") as file:
        file.truncate(20 * 2**20)
    assert "20 MB" not in refusal(path)


def test_no_file_and_a_folder_are_checkpoint_errors(tmp_path):
    assert "no file" in refusal(tmp_path / "missing.safetensors")
    assert "no file" in refusal(tmp_path / "no folder" / "missing.safetensors")
    refusal(tmp_path)


def test_the_unchanged_forgery_loads(forge):
    # Else the refusals below would prove nothing.
    assert isinstance(load_checkpoint(forge()), Checkpoint)


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


@pytest.mark.parametrize("error", [MemoryError, KeyError, OverflowError, TypeError, SafetensorError])
def test_whatever_safetensors_makes_of_a_file_is_a_checkpoint_error(saved_checkpoint, monkeypatch, error):
    def fails(_):
        raise error("deep inside")

    monkeypatch.setattr(files, "deserialize", fails)
    assert "not a readable safetensors file" in refusal(saved_checkpoint("sparse")[1])


def test_the_metadata_are_those_that_safetensors_reads_itself(forge):
    odd = 'a "quoted" {brace}, an\né and a 🔢'
    path = forge(odd=odd)
    seen = []

    def parse(metadata):
        seen.append(metadata)
        return None, parts(path)[0]

    _, tensors = files.read_tensors(path.name, path.read_bytes(), 2**20, parse)
    expected, metadata = parts(path)
    assert seen == [metadata]
    assert metadata["odd"] == odd
    for key, value in expected.items():
        assert torch.equal(tensors[key], value)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="This system has no such device.")
def test_a_device_without_an_end_is_a_checkpoint_error():
    refusal("/dev/zero")


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


@pytest.mark.parametrize("name", ["x" * 10_000, "a\nb"], ids=["long", "broken"])
def test_a_tensor_s_name_neither_swells_nor_breaks_the_message(forge, name):
    refusal(forge({name: torch.zeros(1)}))


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_pickle_is_never_executed(tmp_path, forge):
    mark = tmp_path / "executed"
    buffer = io.BytesIO()
    torch.save(Bomb(mark), buffer)
    path = tmp_path / "model.safetensors"
    for content in (buffer.getvalue(), pickle.dumps(Bomb(mark))):
        path.write_bytes(content)
        refusal(path)
    refusal(forge(metrics=pickle.dumps(Bomb(mark), protocol=0).decode()))
    assert not mark.exists()
    # The bomb is live: unpickling it does make the file.
    pickle.loads(pickle.dumps(Bomb(mark))).close()
    assert mark.exists()
