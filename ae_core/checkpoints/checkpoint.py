"""Checkpoints: a trained model in one safetensors file; and the shipped library."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.analysis.metrics import PER_UNIT, Metrics, PartialMetrics, Stored, from_stored
from ae_core.checkpoints.files import parse_object, read_file, read_tensors, save_whole, shorten
from ae_core.checkpoints.history import History, parse_history, to_json
from ae_core.config import Change, ModelConfig, Recipe, TrainConfig, is_number
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder

FORMAT = "autoencoder-lab/1"
MAX_FILE_BYTES = 20 * 1024 * 1024
SUFFIX = ".safetensors"
_REMEDY = f"choose a {SUFFIX} file that this lab saved"

Known = TypeVar("Known", bound=Metrics | PartialMetrics, covariant=True)
"""How much is known of a model."""


@dataclass(frozen=True)
class Checkpoint(Generic[Known]):
    """A trained model with all that is known of it: a `Checkpoint[Metrics]` was measured by this version."""

    model: Autoencoder
    model_config: ModelConfig
    train_config: TrainConfig
    metrics: Known
    history: History = ()
    """How its training went; none in a file from before it was kept."""


_Described = tuple[Autoencoder, Recipe, dict[str, Stored], History]

AnyCheckpoint = Checkpoint[Metrics | PartialMetrics]
"""As it comes from a file, which may say less of its model than this version measures, or nothing."""


def to_bytes(checkpoint: AnyCheckpoint) -> bytes:
    """The checkpoint as the content of a file."""
    weights = {
        name: value.detach().to("cpu", torch.float32).contiguous()
        for name, value in checkpoint.model.state_dict().items()
    }
    metadata = {
        "format": FORMAT,
        **recipe_metadata(Recipe(checkpoint.model_config, checkpoint.train_config)),
        "metrics": json.dumps(checkpoint.metrics.as_dict(), allow_nan=False),
    }
    if checkpoint.history:
        metadata["history"] = to_json(checkpoint.history)
    return to_safetensors(weights, metadata)


def save_checkpoint(checkpoint: AnyCheckpoint, path: str | Path) -> None:
    """Write a file whole or not at all: a temporary file beside it is flushed to disk, then renamed.

    Raises:
        CheckpointError: if the folder cannot be made or written, or the disk is full. What becomes of the
            model then, the caller has to add.
    """
    save_whole(Path(path), to_bytes(checkpoint))


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> AnyCheckpoint:
    """Read a checkpoint and check all of it.

    Args:
        device: where the model is put, in eval mode.
    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, not of this format, or holds
            other tensors, shapes, types or numbers than its configuration implies.

    >>> from ae_core import load_checkpoint
    >>> checkpoint = load_checkpoint("checkpoints/sparse-0.005.safetensors")
    >>> checkpoint.model_config.kind, checkpoint.train_config.penalty_weight
    ('sparse', 0.005)
    """
    path = Path(path)
    return read_checkpoint(path.name, read_file(path.name, path, MAX_FILE_BYTES, _REMEDY), device)


def read_checkpoint(name: str, content: bytes, device: str | torch.device = "cpu") -> AnyCheckpoint:
    """Read a checkpoint from a file's content, as `load_checkpoint` does.

    Args:
        name: of the file, for sentences about it.
        device: as for `load_checkpoint`.
    Raises:
        CheckpointError: as `load_checkpoint`.
    """

    def parse(metadata: dict[str, str]) -> tuple[_Described, dict[str, Tensor]]:
        recipe, stored = _parse_metadata(name, metadata)
        history = parse_history(name, metadata.get("history", "[]"))
        model = Autoencoder(recipe.model)
        return (model, recipe, stored, history), model.state_dict()

    (model, recipe, stored, history), weights = read_tensors(name, content, MAX_FILE_BYTES, parse, _REMEDY)
    model.load_state_dict(weights)
    _check_units(name, stored, model.code_size)
    metrics = from_stored(stored)
    return Checkpoint(model.to(device).eval(), recipe.model, recipe.train, metrics, history)


def _parse_metadata(name: str, metadata: dict[str, str]) -> tuple[Recipe, dict[str, Stored]]:
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{name} is not a checkpoint of this lab: its metadata lacks format = {FORMAT}."
        )
    recipe = parse_recipe(name, metadata)
    stored = parse_object(name, metadata, "metrics")
    for key, value in stored.items():
        known = (
            all(map(is_number, value)) if key in PER_UNIT and isinstance(value, list) else is_number(value)
        )
        if not (known or value is None):
            raise CheckpointError(f"{name} stores a metric that is not a number: {shorten(key)}.")
    return recipe, stored


def parse_recipe(name: str, metadata: dict[str, str]) -> Recipe:
    """The recipe in a file's metadata.

    Raises:
        CheckpointError: if it is damaged or describes what this lab cannot build.
    """
    model_config = parse_object(name, metadata, "model_config")
    train_config = parse_object(name, metadata, "train_config")
    try:
        changes = tuple(Change(**change) for change in train_config.pop("changes", ()))
        return Recipe(ModelConfig(**model_config), TrainConfig(**train_config, changes=changes))
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{name} describes a model that this lab cannot build: {shorten(str(error))}."
        ) from error


def recipe_metadata(recipe: Recipe) -> dict[str, str]:
    """A recipe as `parse_recipe` reads it."""
    train_config = recipe.train.as_dict()
    if recipe.train.changes:
        train_config["changes"] = [{"step": one.step, **one.values} for one in recipe.train.changes]
    return {"model_config": json.dumps(asdict(recipe.model)), "train_config": json.dumps(train_config)}


def _check_units(name: str, stored: dict[str, Stored], code_size: int) -> None:
    for key in PER_UNIT:
        value = stored.get(key)
        if value is not None and (not isinstance(value, list) or len(value) != code_size):
            raise CheckpointError(f"{name} stores {key} for another number of units than its {code_size}.")
