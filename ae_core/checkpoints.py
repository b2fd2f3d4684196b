"""Checkpoints: one safetensors file each, written atomically, read with suspicion; and the shipped library.

Nothing is ever unpickled. A file's names, shapes and types are checked before its tensors are read.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors

from ae_core.config import LADDERS, Kind, ModelConfig, Recipe, TrainConfig, is_number
from ae_core.metrics import Metrics
from ae_core.model import Autoencoder

FORMAT = "autoencoder-lab/1"
MAX_FILE_BYTES = 20 * 1024 * 1024
LIBRARY = Path(__file__).parent.parent / "checkpoints"
"""The shipped ladders, and what users save beside them."""
SUFFIX = ".safetensors"

_UNIT_METRICS = ("mean_activation", "max_activation")


class CheckpointError(Exception):
    """A checkpoint cannot be read or written; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with all that is known of it."""

    model: Autoencoder
    model_config: ModelConfig
    train_config: TrainConfig
    metrics: Metrics


def to_bytes(checkpoint: Checkpoint) -> bytes:
    """The checkpoint as the content of a file."""
    weights = {
        name: value.detach().to("cpu", torch.float32).contiguous()
        for name, value in checkpoint.model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        "model_config": json.dumps(asdict(checkpoint.model_config)),
        "train_config": json.dumps(asdict(checkpoint.train_config)),
        "metrics": json.dumps(checkpoint.metrics, allow_nan=False),
    }
    return to_safetensors(weights, metadata)


def save_checkpoint(checkpoint: Checkpoint, path: str | Path) -> None:
    """Write a file whole or not at all: a temporary file beside it is flushed to disk, then renamed.

    Raises:
        CheckpointError: if the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    content = to_bytes(checkpoint)
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".saving-", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise CheckpointError(
            f"{path} could not be written: {reason}. The model is still in memory: "
            "make room or choose another folder, and save it again."
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """Read a checkpoint and check all of it.

    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, not of this format, or holds
            other tensors, shapes, types or numbers than its configuration implies.
    """
    path = Path(path)
    name = path.name
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise CheckpointError(
                f"{name} has {size / 2**20:.0f} MB; a checkpoint of this lab has at most "
                f"{MAX_FILE_BYTES // 2**20} MB."
            )
        with safe_open(path, framework="pt", device="cpu") as file:
            metadata = file.metadata() or {}
            recipe, metrics = _parse_metadata(name, metadata)
            model = Autoencoder(recipe.model)
            expected = model.state_dict()
            _check_tensors(name, file, expected)
            weights = {key: file.get_tensor(key) for key in expected}
    except FileNotFoundError:
        raise CheckpointError(f"There is no file {path}.") from None
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"{name} is not a readable safetensors file (damaged, cut short, or of another kind): "
            "choose a .safetensors file that this lab saved."
        ) from error
    for key, value in weights.items():
        if not value.isfinite().all():
            raise CheckpointError(f"{name} holds a weight that is not a finite number, in {key}.")
    model.load_state_dict(weights)
    _check_unit_metrics(name, metrics, model.code_size)
    return Checkpoint(model.to(device).eval(), recipe.model, recipe.train, metrics)


def _parse_metadata(name: str, metadata: dict[str, str]) -> tuple[Recipe, Metrics]:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{name} is not a checkpoint of this lab: its metadata lacks format = {FORMAT}."
        )
    model_config = _parse_object(name, metadata, "model_config")
    train_config = _parse_object(name, metadata, "train_config")
    metrics = _parse_object(name, metadata, "metrics")
    try:
        recipe = Recipe(ModelConfig(**model_config), TrainConfig(**train_config))
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{name} describes a model that this lab cannot build: {_clipped(str(error))}."
        ) from error
    for key, value in metrics.items():
        known = (
            all(map(is_number, value))
            if key in _UNIT_METRICS and isinstance(value, list)
            else is_number(value)
        )
        if not (known or value is None):
            raise CheckpointError(f"{name} stores a metric that is not a number: {_clipped(key)}.")
    return recipe, metrics


def _clipped(text: str) -> str:
    """What a file says, fit for a sentence: on one line and not longer than that."""
    return textwrap.shorten(text, 160, placeholder="...")


def _parse_object(name: str, metadata: dict[str, str], key: str) -> dict[str, Any]:
    try:
        value = json.loads(metadata[key])
    except (KeyError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CheckpointError(f"{name} is damaged: its {key} is missing or is not a JSON object.")
    return value


def _check_tensors(name: str, file: safe_open, expected: dict[str, torch.Tensor]) -> None:
    """Compare names, types and shapes by the header alone, before any tensor is allocated."""
    found = set(file.keys())
    if found != set(expected):
        odd = sorted(found ^ set(expected))[0]
        state = "holds a tensor that does not belong there" if odd in found else "lacks a tensor"
        raise CheckpointError(f"{name} {state}: {_clipped(odd)}.")
    for key, value in expected.items():
        entry = file.get_slice(key)
        if entry.get_dtype() != "F32" or tuple(entry.get_shape()) != tuple(value.shape):
            raise CheckpointError(
                f"{name} does not fit its model: {key} is {entry.get_dtype()} of shape "
                f"{tuple(entry.get_shape())} instead of F32 of shape {tuple(value.shape)}."
            )


def _check_unit_metrics(name: str, metrics: Metrics, code_size: int) -> None:
    for key in _UNIT_METRICS:
        value = metrics.get(key)
        if value is not None and (not isinstance(value, list) or len(value) != code_size):
            raise CheckpointError(f"{name} stores {key} for another number of units than its {code_size}.")


def ladder_name(kind: Kind, penalty_weight: float) -> str:
    """File name of a shipped rung, such as contractive-0.0001.safetensors."""
    return f"{kind}-{penalty_weight:g}{SUFFIX}"


def ladder_paths(kind: Kind, directory: Path = LIBRARY) -> dict[float, Path]:
    """Where each rung of a kind's ladder lies or would lie, weakest penalty first."""
    return {weight: directory / ladder_name(kind, weight) for weight in LADDERS[kind]}


def saved_paths(directory: Path = LIBRARY) -> list[Path]:
    """The checkpoints in a folder that are not rungs of the shipped ladders, by name."""
    rungs = {path.name for kind in LADDERS for path in ladder_paths(kind).values()}
    return sorted(path for path in directory.glob(f"[!.]*{SUFFIX}") if path.name not in rungs)


def path_for_name(name: str, directory: Path = LIBRARY) -> Path:
    """Where a model that a user names is saved.

    Raises:
        CheckpointError: for a name with other than letters, digits, dot, dash and underscore, or one in use.
    """
    name = name.strip().removesuffix(SUFFIX)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise CheckpointError(
            "A name has 1 to 64 letters, digits, dots, dashes or underscores, "
            "and starts with a letter or a digit."
        )
    path = directory / f"{name}{SUFFIX}"
    if path.exists():
        raise CheckpointError(f"{path.name} is there already: choose another name.")
    return path
