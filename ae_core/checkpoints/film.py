"""Films: the weights of a model at a few steps of its training, in half the precision of the model itself."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.checkpoints.checkpoint import parse_recipe, recipe_metadata
from ae_core.checkpoints.files import parse_object, read_file, read_tensors, write_whole
from ae_core.checkpoints.history import thinned
from ae_core.config import Recipe, is_count, is_number
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder

FORMAT = "autoencoder-lab-film/1"
MOST_FRAMES = 48
MAX_FILE_BYTES = 64 * 1024 * 1024
_REMEDY = "make it anew with python -m ae_core film"


class Frame(NamedTuple):
    """A moment of a training."""

    step: int
    """Optimisation steps done."""
    weights: Mapping[str, Tensor]
    """Those of `Autoencoder.state_dict`, as float16 on the CPU."""

    @property
    def nbytes(self) -> int:
        """What it takes in memory, in bytes."""
        return sum(value.nbytes for value in self.weights.values())


@dataclass(frozen=True)
class Film:
    """What a training did to a model, by growing steps."""

    recipe: Recipe
    frames: tuple[Frame, ...]
    apart: float = 0.0
    """How far the training of the other frames ended from the last one: the largest difference of a weight.

    Of a model from another kind of machine, a training of its recipe ends elsewhere.
    """

    @property
    def steps(self) -> tuple[int, ...]:
        """Of the frames."""
        return tuple(frame.step for frame in self.frames)

    def at(self, step: int) -> Frame:
        """The newest frame of this step or before; the first one for an earlier step."""
        return self.frames[max(bisect_right(self.steps, step) - 1, 0)]

    def model(self, frame: Frame) -> Autoencoder:
        """A frame as a model in eval mode, in float32."""
        model = Autoencoder(self.recipe.model)
        model.load_state_dict({name: value.float() for name, value in frame.weights.items()})
        return model.eval().requires_grad_(False)

    def thinned(self, most: int) -> Film:
        """At most so many frames, evenly over them; the first and the last one stay."""
        return replace(self, frames=thinned(self.frames, most))


def frame_of(model: Autoencoder, step: int) -> Frame | None:
    """The weights of a model as a frame; None if they are too large for float16."""
    weights = {
        name: value.detach().to("cpu", torch.float16, copy=True).contiguous()
        for name, value in model.state_dict().items()
    }
    return Frame(step, weights) if all(bool(value.isfinite().all()) for value in weights.values()) else None


def film_path(checkpoint: Path) -> Path:
    """Where the film of a checkpoint's file lies or would lie: in a folder `films` beside it."""
    return checkpoint.parent / "films" / checkpoint.name


def save_film(film: Film, path: Path) -> None:
    """Write a film whole or not at all.

    Raises:
        OSError: if the folder cannot be made or written, or the disk is full.
    """
    tensors = {
        f"{frame.step}.{name}": value for frame in film.frames for name, value in frame.weights.items()
    }
    facts = {"steps": film.steps, "apart": film.apart}
    metadata = {"format": FORMAT, **recipe_metadata(film.recipe), "film": json.dumps(facts, allow_nan=False)}
    write_whole(path, to_safetensors(tensors, metadata))


def load_film(path: Path) -> Film:
    """Read a film and check all of it.

    Raises:
        CheckpointError: if the file is missing, too large, not safetensors, not of this format, or holds
            other tensors, shapes, types or numbers than its recipe implies.
    """
    name = f"The film {path.name}"

    def parse(metadata: dict[str, str]) -> tuple[tuple[Recipe, list[int], float], dict[str, Tensor]]:
        if metadata.get("format") != FORMAT:
            raise CheckpointError(f"{name} is not one of this lab: its metadata lack format = {FORMAT}.")
        recipe, (steps, apart) = parse_recipe(name, metadata), _parse_facts(name, metadata)
        weights = Autoencoder(recipe.model).state_dict()
        expected = {f"{step}.{key}": value.half() for step in steps for key, value in weights.items()}
        return (recipe, steps, apart), expected

    content = read_file(name, path, MAX_FILE_BYTES, _REMEDY)
    (recipe, steps, apart), tensors = read_tensors(name, content, MAX_FILE_BYTES, parse, _REMEDY)
    names = [key.partition(".")[2] for key in tensors if key.startswith(f"{steps[0]}.")]
    frames = (Frame(step, {key: tensors[f"{step}.{key}"] for key in names}) for step in steps)
    return Film(recipe, tuple(frames), apart)


def _parse_facts(name: str, metadata: dict[str, str]) -> tuple[list[int], float]:
    facts = parse_object(name, metadata, "film")
    steps, apart = facts.get("steps"), facts.get("apart")
    sound = (
        isinstance(steps, list)
        and 0 < len(steps) <= MOST_FRAMES
        and all(is_count(step, 0) for step in steps)
        and steps == sorted(set(steps))
    )
    if not isinstance(steps, list) or not sound:
        raise CheckpointError(f"{name} is damaged: its steps are not up to {MOST_FRAMES} growing numbers.")
    if not isinstance(apart, int | float) or not is_number(apart):
        raise CheckpointError(f"{name} is damaged: it does not say how far apart its end is.")
    return steps, apart
