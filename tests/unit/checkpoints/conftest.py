"""Forged checkpoints: real ones with something changed. Needs torch and safetensors."""

import json

import pytest
from safetensors.torch import save as to_safetensors

from tests.unit.conftest import parts


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
