"""A whole ladder in the background: one run for each penalty weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ae_core.config import Recipe
from ae_core.data import DataSet
from ae_core.training.background import TrainingRun
from ae_core.training.compute import Compute
from ae_core.training.device_queue import Turn
from ae_core.training.job import Job
from ae_core.training.run_folder import RunFolder

_SLICE_SECONDS = 2.0
"""That each run has a CPU for itself, in its turn."""


def train_ladder(
    recipe: Recipe,
    weights: Iterable[float],
    compute: Compute,
    new_folder: Callable[[Recipe], RunFolder | None] = lambda _: None,
    data: DataSet | None = None,
) -> list[TrainingRun]:
    """Start one run for each penalty weight: all at once on CUDA, where one leaves most of the device idle;
    on a CPU in turns, so that all advance, with those of others between them.

    Args:
        new_folder: makes the folder for the state of a recipe's run; None keeps no state.
        data: as for `Job`.
    """
    recipes = [recipe.override(penalty_weight=weight) for weight in weights]
    if compute.device.type == "cpu":
        return [
            TrainingRun(Job(rung, compute, new_folder(rung), data=data), slice_seconds=_SLICE_SECONDS)
            for rung in recipes
        ]
    turn = Turn(compute.device.type, len(recipes))
    return [TrainingRun(Job(rung, compute, new_folder(rung), data=data), turn=turn) for rung in recipes]
