"""Maps of codes as files: where each test digit lies, in a folder beside the checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save as to_safetensors

from ae_core.analysis.atlas import Atlas
from ae_core.checkpoints.files import read_file, read_tensors, save_whole
from ae_core.checkpoints.probe_file import check_data, digest_of, metadata_of
from ae_core.data import MNIST, DataSet
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder

FORMAT = "autoencoder-lab-map/1"
MAX_FILE_BYTES = 1024 * 1024
_REMEDY = "make it anew with python -m ae_core map --store"
_FINEST = 2**16 - 1
"""Places are kept in 16 bits."""


def atlas_path(checkpoint: Path) -> Path:
    """Where the map of a checkpoint's codes lies or would lie: in a folder `maps` beside it."""
    return checkpoint.parent / "maps" / checkpoint.name


def save_atlas(atlas: Atlas, model: Autoencoder, path: Path, data: DataSet = MNIST) -> None:
    """Write a map whole or not at all.

    Args:
        model: whose codes it is of; the file says of which weights it is.
        data: whose test images it maps.
    Raises:
        CheckpointError: if the folder cannot be made or written, or the disk is full.
    """
    places = torch.from_numpy(np.round(atlas.places * _FINEST).astype(np.uint16))
    metadata = {
        "format": FORMAT,
        "model": digest_of(model),
        "trustworthiness": f"{atlas.trustworthiness:.6f}",
        **metadata_of(data),
    }
    save_whole(path, to_safetensors({"places": places}, metadata))


def load_atlas(path: Path, model: Autoencoder, data: DataSet = MNIST) -> Atlas:
    """Read the map of a model's codes, and check all of it.

    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, not of this format, of another
            model or set, or holds something else than a map.
    """
    name = f"The map {path.name}"
    expected = {"places": torch.empty(len(data.images("test")), 2, dtype=torch.uint16)}

    def parse(metadata: dict[str, str]) -> tuple[float, dict[str, torch.Tensor]]:
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is not one of this lab: its metadata lack format = {FORMAT}.")
        if metadata.get("model") != digest_of(model):
            raise CheckpointError(f"{name} is of another model's codes: {_REMEDY}.")
        check_data(name, metadata, data, _REMEDY)
        return _parse_share(name, metadata.get("trustworthiness", "")), expected

    content = read_file(name, path, MAX_FILE_BYTES, _REMEDY)
    trustworthiness, found = read_tensors(name, content, MAX_FILE_BYTES, parse, _REMEDY)
    return Atlas(found["places"].numpy().astype(np.float32) / _FINEST, trustworthiness)


def _parse_share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise CheckpointError(f"{name} is damaged: its trustworthiness is no number from 0 to 1.")
    return share
