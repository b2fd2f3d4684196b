"""The state of a run as a file: what it trains and where, and how far it is."""

from __future__ import annotations

import json
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.checkpoints import parse_recipe, recipe_metadata
from ae_core.checkpoints.files import parse_object, read_file, read_tensors
from ae_core.config import Recipe, is_count, is_number
from ae_core.data.dataset import Source
from ae_core.data.fitting import FITS
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder
from ae_core.training.compute import Compute
from ae_core.training.progress import TrainProgress
from ae_core.training.state import TrainState

FORMAT = "autoencoder-lab-run/1"
MAX_FILE_BYTES = 64 * 1024 * 1024

_OPTIMIZER = ("exp_avg", "exp_avg_sq", "noise")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CUDA_GENERATOR_BYTES = 16


@dataclass(frozen=True)
class SavedRun:
    """An interrupted run: what it trains and where, and how far it is."""

    recipe: Recipe
    compute: Compute
    threads: int
    """PyTorch's threads on the CPU: with another number sums are rounded differently."""
    state: TrainState
    history: tuple[TrainProgress, ...] = ()
    """The reports, as `Job.history` has them."""
    target: str | None = None
    """The file that the model is meant for; None for a run of the page."""
    source: Source | None = None
    """From where its images can be opened again; None: MNIST, or a set that was uploaded."""


def to_bytes(run: SavedRun) -> bytes:
    """The state as the content of a file."""
    state = run.state
    tensors = {f"weights.{name}": value for name, value in state.weights.items()}
    facts = {
        "step": state.step,
        "device": run.compute.device.type,
        "precision": str(run.compute.precision).removeprefix("torch."),
        "threads": run.threads,
        "target": run.target,
        "source": run.source,
        "history": [astuple(progress) for progress in run.history],
    }
    metadata = {"format": FORMAT, **recipe_metadata(run.recipe), "run": json.dumps(facts, allow_nan=False)}
    return to_safetensors(tensors | state.optimizer | {"order": state.order}, metadata)


def load_state(name: str, path: Path) -> SavedRun:
    """Read a run's state from a file and check all of it.

    Args:
        name: what sentences call the state.
    Raises:
        CheckpointError: if there is none, or none that can be read.
    """

    def parse(metadata: dict[str, str]) -> tuple[tuple[Recipe, dict[str, Any]], dict[str, Tensor]]:
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is not one of this lab: its metadata lacks format = {FORMAT}.")
        recipe, facts = parse_recipe(name, metadata), _parse_facts(name, metadata)
        weights = Autoencoder(recipe.model).state_dict()
        generator = torch.Generator().get_state()
        moments = torch.empty(sum(value.numel() for value in weights.values()))
        return (recipe, facts), {
            **{f"weights.{key}": value for key, value in weights.items()},
            "exp_avg": moments,
            "exp_avg_sq": moments,
            "noise": generator if facts["device"] == "cpu" else generator[:_CUDA_GENERATOR_BYTES],
            "order": generator,
        }

    content = read_file(name, path, MAX_FILE_BYTES)
    (recipe, facts), tensors = read_tensors(name, content, MAX_FILE_BYTES, parse)
    try:
        for key in ("order", "noise"):
            if len(tensors[key]) != _CUDA_GENERATOR_BYTES:
                torch.Generator().set_state(tensors[key])
    except RuntimeError:
        raise CheckpointError(f"{name} is damaged: a random generator's state means nothing.") from None
    state = TrainState(
        facts["step"],
        {key.removeprefix("weights."): value for key, value in tensors.items() if "." in key},
        {key: tensors[key] for key in _OPTIMIZER},
        tensors["order"],
    )
    compute = Compute(torch.device(facts["device"]), _PRECISIONS[facts["precision"]], "as it began")
    history = tuple(TrainProgress(*row) for row in facts["history"])
    source = None if facts.get("source") is None else Source(*facts["source"])
    return SavedRun(recipe, compute, facts["threads"], state, history, facts["target"], source)


def _is_source(found: object) -> bool:
    if found is None:
        return True
    return isinstance(found, list) and len(found) == 2 and isinstance(found[0], str) and found[1] in FITS


def _parse_facts(name: str, metadata: dict[str, str]) -> dict[str, Any]:
    facts = parse_object(name, metadata, "run")
    columns = len(TrainProgress.__dataclass_fields__)
    history = facts.get("history")
    sound = (
        is_count(facts.get("step"), 0)
        and facts.get("device") in ("cpu", "cuda")
        and facts.get("precision") in _PRECISIONS
        and is_count(facts.get("threads"), 1)
        and isinstance(facts.get("target"), str | None)
        and _is_source(facts.get("source"))
        and isinstance(history, list)
        and all(isinstance(row, list) and len(row) == columns and all(map(is_number, row)) for row in history)
    )
    if not sound:
        raise CheckpointError(f"{name} is damaged: what it says of the run makes no sense.")
    return facts
