"""Models as the page shows them: loaded once per process, with what their codes are read by."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import streamlit as st
from torch import Tensor

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.inspection import inspect
from ae_core.analysis.metrics import Metrics, PartialMetrics
from ae_core.analysis.notation import in_plain_digits, penalty_symbol, power_notation
from ae_core.checkpoints import AnyCheckpoint, Checkpoint, load_checkpoint, read_checkpoint
from ae_core.checkpoints.film import Film, film_path, load_film
from ae_core.checkpoints.library import denoising_paths, ladder_paths, other_seed_paths
from ae_core.config import LADDERS, Kind, Recipe
from ae_core.data import MNIST, DataSet, to_float
from ae_core.data.dataset import name_of
from ae_core.errors import CheckpointError
from ae_core.model import Autoencoder
from ae_core.ui.keys import FILE, LADDER, MINE, Source

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


def rung(kind: Kind, penalty_weight: float) -> Shown:
    """The shipped model of a penalty weight.

    Raises:
        CheckpointError: if its file is missing or damaged.
    """
    path = ladder_paths(kind)[penalty_weight]
    weight = power_notation(penalty_weight)
    title = f"Shipped {kind} model, penalty weight {weight}"
    return _load_shipped(path, title, weight, LADDER, f"{penalty_weight:g}", version(path))


def denoising(kind: Kind) -> list[Shown]:
    """The shipped denoising models of a kind, to be held against the ladder; those whose files are whole."""
    return _beside_the_ladder(kind, denoising_paths(kind), "denoising")


def other_seeds(kind: Kind) -> list[Shown]:
    """The shipped models of a kind that were trained as a rung was, from another seed; whole files."""
    return _beside_the_ladder(kind, other_seed_paths(kind), "another seed")


def _beside_the_ladder(kind: Kind, paths: Mapping[float, Path], what: str) -> list[Shown]:
    models = []
    for penalty_weight, path in paths.items():
        label = f"{power_notation(penalty_weight)}, {what}"
        title = f"Shipped {kind} model, penalty weight {label}"
        with suppress(CheckpointError):
            models.append(_load_shipped(path, title, label, FILE, path.name, version(path)))
    return models


# Streamlit's own cache takes longer to look up: the whole ladder is asked for whenever the panels are drawn.
@lru_cache(maxsize=64)
def _load_shipped(
    path: Path,
    title: str,
    label: str,
    source: Source,
    listed_as: str,
    version: int,  # noqa: ARG001 - part of the key
) -> Shown:
    checkpoint = load_checkpoint(path)
    # The shipped files' metrics are ours, and a test holds them against the weights. Those of another file in
    # a rung's place may be missing.
    metrics = checkpoint.metrics
    if isinstance(metrics, PartialMetrics) or not MNIST.is_of(checkpoint.train_config):
        metrics = _measure(title, checkpoint, MNIST.images("test"))
    return _wrap(title, label, checkpoint, metrics, source, listed_as, path)


def ladder(kind: Kind) -> list[Shown]:
    """All shipped models of a kind, the weakest penalty first.

    Raises:
        CheckpointError: if one of their files is missing or damaged.
    """
    return [rung(kind, weight) for weight in LADDERS[kind]]


def intact_ladder(kind: Kind) -> list[Shown]:
    """Those shipped models of a kind whose files are whole, the weakest penalty first."""
    models = []
    for weight in LADDERS[kind]:
        with suppress(CheckpointError):
            models.append(rung(kind, weight))
    return models


def load_saved(path: Path) -> Shown:
    """The model in a file of `checkpoints/`.

    Raises:
        CheckpointError: if the file is missing or not a valid checkpoint.
    """
    return _load_file(path, version(path))


@st.cache_resource(show_spinner="Measuring the model's codes", max_entries=16)
def _load_file(path: Path, version: int) -> Shown:  # noqa: ARG001 - part of the key
    checkpoint = load_checkpoint(path)
    title = f"{path.stem} (file{checkpoint.train_config.remarks})"
    return _measure_foreign(title, checkpoint, path.name, path)


def version(path: Path) -> int:
    """Changes when a file does, so that what was read of its former content is not shown; 0: no file."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def read_upload(file_name: str, content: bytes) -> Shown:
    """The model in an uploaded file.

    Raises:
        CheckpointError: if it is not a valid checkpoint.
    """
    # The name comes from outside: only harmless characters of it are shown or used.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", Path(file_name).name)[-80:]
    safe = safe.lstrip(".") or "upload"
    checkpoint = read_checkpoint(safe, content)
    title = f"{Path(safe).stem} (uploaded{checkpoint.train_config.remarks})"
    return _measure_foreign(title, checkpoint, title)


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


def film_beside(path: Path) -> Film | None:
    """The film of a checkpoint's file; None if there is none.

    Raises:
        CheckpointError: if it cannot be read.
    """
    path = film_path(path)
    found = version(path)
    return _load_film(path, found) if found else None


@lru_cache(maxsize=8)
def _load_film(path: Path, version: int) -> Film:  # noqa: ARG001 - part of the key
    return load_film(path)


def _measure_foreign(
    title: str, checkpoint: AnyCheckpoint, listed_as: str, file: Path | None = None
) -> Shown:
    # What a file says of its model may be wrong or missing: only what is measured here is shown.
    metrics = _measure(title, checkpoint, MNIST.images("test"))
    return _wrap(title, title, checkpoint, metrics, FILE, listed_as, file)


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
    metrics = _measure(shown.title, shown.checkpoint, images)
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


def _wrap(
    title: str,
    label: str,
    checkpoint: AnyCheckpoint,
    metrics: Metrics,
    source: Source,
    listed_as: str,
    file: Path | None,
) -> Shown:
    measured = Checkpoint(
        checkpoint.model, checkpoint.model_config, checkpoint.train_config, metrics, checkpoint.history
    )
    statistics = CodeStatistics.from_metrics(metrics)
    # What lies beside the file of a model of another set is of that set.
    file = file if MNIST.is_of(checkpoint.train_config) else None
    return Shown(title, label, measured, statistics, source, listed_as, file=file)


def _measure(title: str, checkpoint: AnyCheckpoint, images: Tensor) -> Metrics:
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
