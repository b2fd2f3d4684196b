"""Every kind of bad file gets a sentence, and none is executed. Needs torch and safetensors."""

import io
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

from ae_core.checkpoints import Checkpoint, files, load_checkpoint
from ae_core.errors import CheckpointError
from tests.unit.checkpoints.helpers import refusal
from tests.unit.conftest import parts


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
