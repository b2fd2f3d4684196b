"""A model as the page shows it: with its values on a set, and with what its codes are read by."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.inspection import inspect
from ae_core.analysis.metrics import Metrics, PartialMetrics
from ae_core.analysis.notation import in_plain_digits, penalty_symbol
from ae_core.checkpoints import AnyCheckpoint, Checkpoint
from ae_core.config import Kind, Recipe
from ae_core.data import MNIST, DataSet, to_float
from ae_core.data.dataset import name_of
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder
from ae_core.ui.keys import LADDER, MINE, Source

_numbers = count()
ELSEWHERE_IMAGES = 1000
"""The first test images of a set on which a model of another set is measured: so many take a moment."""
_LARGEST = 1e15
"""Larger values of a model near the end of float32, and their squares lie beyond it."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A model on the page."""

    title: str
    label: str
    """Short, to stand over a column: a rung's penalty weight, else the title. Unique among those in sight."""
    checkpoint: Checkpoint[Metrics]
    statistics: CodeStatistics
    source: Source
    listed_as: str
    """What the list of its source calls it; a rung: its penalty weight in plain digits, as links have it."""
    in_training: bool = False
    """Whether these are weights of a training that goes on, known from a few test images only."""
    wound_to: int | None = None
    """The step of its training after which it had these weights, if they are not its last; known likewise."""
    file: Path | None = None
    """The file that it was read from, in `checkpoints/`."""
    data: DataSet = MNIST
    """The set that its values are measured on; not always the one that it was trained on."""
    measured_on: int | None = None
    """How many of its test images, the first ones, if not all."""
    number: int = field(default_factory=lambda: next(_numbers))
    """Unique in the process: what was computed for the model is kept under it."""

    @property
    def kind(self) -> Kind:
        """Contractive or sparse."""
        return self.checkpoint.model_config.kind

    @property
    def is_denoising(self) -> bool:
        """Whether its encoder saw noise while it was trained."""
        return self.checkpoint.train_config.input_noise > 0

    @property
    def is_moment(self) -> bool:
        """Whether these are not the weights that a training ended with."""
        return self.in_training or self.wound_to is not None

    @property
    def is_at_home(self) -> bool:
        """Whether it is measured on the set that it was trained on."""
        return self.data.is_of(self.checkpoint.train_config)

    @property
    def to_keep(self) -> AnyCheckpoint:
        """What a file of it holds: no values of a set that it was not trained on."""
        known = self.checkpoint
        if self.is_at_home:
            return known
        return Checkpoint(
            known.model, known.model_config, known.train_config, PartialMetrics({}), known.history
        )

    @property
    def name(self) -> str:
        """To stand in a sentence: a rung by its penalty weight with the symbol, any other by its label."""
        return f"{penalty_symbol(self.kind)} = {self.label}" if self.source == LADDER else self.label

    @property
    def file_name(self) -> str:
        """For downloads, without an ending: no model of one's own carries the name of a shipped one."""
        label = in_plain_digits(self.label)
        name = label if label.startswith(self.kind) else f"{self.kind} {label}"
        return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")


CACHE_KEYS: dict[str | type[Any], Callable[[Any], Any]] = {
    Shown: lambda shown: shown.number,
    Tensor: lambda picture: picture.numpy().tobytes(),
}
"""How Streamlit's caches tell models and pictures apart: their `hash_funcs`."""

once_per_drawing = st.cache_data(show_spinner=False, max_entries=512, hash_funcs=CACHE_KEYS)
"""Keeps what is measured of a drawing: the controls of a view move while it stays. Arguments whose names
begin with a line follow from the others."""


def wrap(
    title: str,
    label: str,
    checkpoint: AnyCheckpoint,
    metrics: Metrics,
    source: Source,
    listed_as: str,
    file: Path | None,
) -> Shown:
    """A model that was read from a file, with the values that are known or were measured of it."""
    measured = Checkpoint(
        checkpoint.model, checkpoint.model_config, checkpoint.train_config, metrics, checkpoint.history
    )
    statistics = CodeStatistics.from_metrics(metrics)
    # What lies beside the file of a model of another set is of that set.
    file = file if MNIST.is_of(checkpoint.train_config) else None
    return Shown(title, label, measured, statistics, source, listed_as, file=file)


def wrap_trained(title: str, checkpoint: Checkpoint[Metrics], data: DataSet) -> Shown:
    """A model that a run of this process ended with, on a set."""
    statistics = CodeStatistics.from_metrics(checkpoint.metrics)
    return Shown(title, title, checkpoint, statistics, MINE, title, data=data)


def wrap_in_training(
    title: str, model: Autoencoder, recipe: Recipe, metrics: Metrics, data: DataSet
) -> Shown:
    """Weights of a training that goes on, with what is known of a model of the moments before."""
    checkpoint = Checkpoint(model, recipe.model, recipe.train, metrics)
    statistics = CodeStatistics.from_metrics(metrics)
    return Shown(title, title, checkpoint, statistics, MINE, title, in_training=True, data=data)


def wrap_moment(shown: Shown, model: Autoencoder, step: int, metrics: Metrics) -> Shown:
    """A model as it was after so many steps of its training."""
    checkpoint = replace(shown.checkpoint, model=model, metrics=metrics)
    statistics = CodeStatistics.from_metrics(metrics)
    return replace(
        shown,
        checkpoint=checkpoint,
        statistics=statistics,
        in_training=False,
        wound_to=step,
        file=None,
        number=next(_numbers),
    )


def measured_on(shown: Shown, data: DataSet) -> Shown:
    """A model with its values on another set; unless it is of that set, its label then says of which it is.

    Raises:
        CheckpointError: if its weights blew up.
        DataError: if the images cannot be read.
    """
    config, images, few = shown.checkpoint.train_config, data.images("test"), None
    label = shown.label
    if not data.is_of(config):
        label, images = f"{label}, of {name_of(config)}", images[:ELSEWHERE_IMAGES]
        few = len(images) if len(images) < len(data.images("test")) else None
    metrics = measure(shown.title, shown.checkpoint, images)
    return replace(
        shown,
        label=label,
        checkpoint=replace(shown.checkpoint, metrics=metrics),
        statistics=CodeStatistics.from_metrics(metrics),
        # What lies beside its file is of the set that it was trained on.
        file=None,
        data=data,
        measured_on=few,
        number=next(_numbers),
    )


def measure(title: str, checkpoint: AnyCheckpoint, images: Tensor) -> Metrics:
    """The values of a model on images, without Jacobians of more than one.

    Args:
        images: uint8, shape (n, 1, 28, 28).
    Raises:
        CheckpointError: if its weights blew up.
    """
    metrics = measure_without_jacobians(checkpoint.model, images)
    statistics = CodeStatistics.from_metrics(metrics)
    seen = inspect(checkpoint.model, to_float(images[:1]), statistics)
    sizes = (
        *statistics.max_activation.tolist(),
        *(value for value in metrics.scalars().values() if value is not None),
        seen.jacobian_sq_norm,
    )
    if not all(abs(size) < _LARGEST for size in sizes):
        raise CheckpointError(
            f"{title}: the weights of this model blew up, so that its values are beyond what can be "
            "computed. Load another checkpoint."
        )
    return metrics
