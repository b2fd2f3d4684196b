"""Probes as files: the linear reader of a model's code and its errors, in a folder beside the checkpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.analysis.probe import LinearReader, Probe
from ae_core.analysis.probe_errors import ERRORS, OF_FEW_LABELS
from ae_core.checkpoints.files import parse_object, read_file, read_object, read_tensors, save_whole
from ae_core.checkpoints.library import LIBRARY
from ae_core.config import is_number
from ae_core.data import MNIST, DataSet
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder

FORMAT = "autoencoder-lab-probe/1"
MAX_FILE_BYTES = 4 * 1024 * 1024
_REMEDY = "make it anew with python -m ae_core probe --store"
_BASELINES_REMEDY = "make it anew with python -m ae_core probe --baselines --store"
BASELINES = LIBRARY / "probes" / "baselines.json"
"""The errors of what codes have to be better than."""


def probe_path(checkpoint: Path) -> Path:
    """Where the probe of a checkpoint's file lies or would lie: in a folder `probes` beside it."""
    return checkpoint.parent / "probes" / checkpoint.name


def save_probe(probe: Probe, model: Autoencoder, path: Path, data: DataSet = MNIST) -> None:
    """Write a probe whole or not at all.

    Args:
        model: whose code it reads; the file says of which weights it is.
        data: whose classes it tells.
    Raises:
        CheckpointError: if the folder cannot be made or written, or the disk is full.
    """
    reader = probe.reader
    tensors = {
        "mean": reader.mean,
        "scale": reader.scale,
        "weight": reader.weight,
        "bias": reader.bias,
        "read_as": probe.read_as,
    }
    metadata = {
        "format": FORMAT,
        "model": digest_of(model),
        "errors": json.dumps(dict(probe.errors), allow_nan=False),
        **metadata_of(data),
    }
    save_whole(path, to_safetensors({name: value.contiguous() for name, value in tensors.items()}, metadata))


def load_probe(path: Path, model: Autoencoder, data: DataSet = MNIST) -> Probe:
    """Read the probe of a model's code, and check all of it.

    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, not of this format, of another
            model or set, or holds other tensors, shapes, types or numbers than a probe has.
    """
    name = f"The probe {path.name}"
    units, classes = model.code_size, len(data.classes)
    shapes = {"mean": (units,), "scale": (units,), "weight": (classes, units), "bias": (classes,)}
    tensors: dict[str, Tensor] = {key: torch.empty(shape) for key, shape in shapes.items()}
    tensors["read_as"] = torch.empty(len(data.images("test")), dtype=torch.uint8)

    def parse(metadata: dict[str, str]) -> tuple[dict[str, float], dict[str, Tensor]]:
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is not one of this lab: its metadata lack format = {FORMAT}.")
        if metadata.get("model") != digest_of(model):
            raise CheckpointError(f"{name} reads the code of another model: {_REMEDY}.")
        check_data(name, metadata, data, _REMEDY)
        return _parse_errors(name, metadata), tensors

    content = read_file(name, path, MAX_FILE_BYTES, _REMEDY)
    errors, found = read_tensors(name, content, MAX_FILE_BYTES, parse, _REMEDY)
    read_as = found.pop("read_as")
    if not (found["scale"] > 0).all() or not (read_as < classes).all():
        raise CheckpointError(f"{name} is damaged: it holds values that no probe has.")
    return Probe(LinearReader(**found), errors, read_as)


def metadata_of(data: DataSet) -> dict[str, str]:
    """What a file beside a model says of the set that it is of: nothing of MNIST, as files from before
    sets."""
    return {} if data.is_mnist else {"data": data.digest}


def check_data(name: str, metadata: dict[str, str], data: DataSet, remedy: str) -> None:
    """Refuse a file of another set than this one.

    Raises:
        CheckpointError: likewise.
    """
    if metadata.get("data") != metadata_of(data).get("data"):
        raise CheckpointError(f"{name} is of another set of images than {data.name}: {remedy}.")


def digest_of(model: Autoencoder) -> str:
    """Tells the weights of a model from any others."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _parse_errors(name: str, metadata: dict[str, str]) -> dict[str, float]:
    errors = parse_object(name, metadata, "errors")
    sound = set(ERRORS) >= set(errors) >= set(ERRORS) - OF_FEW_LABELS and all(
        is_number(value) and 0 <= value <= 100 for value in errors.values()
    )
    if not sound:
        raise CheckpointError(f"{name} is damaged: its errors are not those that a probe has, in percent.")
    return {key: float(errors[key]) for key in ERRORS if key in errors}


def save_baselines(found: Mapping[str, Mapping[str, float]], path: Path) -> None:
    """Write the errors of probes that belong to no model, by their names.

    Raises:
        CheckpointError: if the file cannot be written.
    """
    save_whole(path, json.dumps(found, indent=1, allow_nan=False).encode())


def load_baselines(path: Path) -> dict[str, dict[str, float]]:
    """Read what `save_baselines` wrote.

    Raises:
        CheckpointError: if the file is missing, too large or damaged.
    """
    found = read_object(path, MAX_FILE_BYTES, _BASELINES_REMEDY)
    return {
        name: _parse_errors(f"{path.name}, {name},", {"errors": json.dumps(errors)})
        for name, errors in found.items()
    }
