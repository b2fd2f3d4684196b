"""The models in files, as the page shows them: each is read once per process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

import streamlit as st

from ae_core.analysis.metrics import PartialMetrics
from ae_core.analysis.notation import power_notation
from ae_core.checkpoints import AnyCheckpoint, load_checkpoint, read_checkpoint
from ae_core.checkpoints.film import Film, film_path, load_film
from ae_core.checkpoints.library import denoising_paths, ladder_paths, other_seed_paths
from ae_core.config import LADDERS, Kind
from ae_core.data import MNIST
from ae_core.errors import CheckpointError
from ae_core.ui.keys import FILE, LADDER, Source
from ae_core.ui.shown import Shown, measure, wrap


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
        metrics = measure(title, checkpoint, MNIST.images("test"))
    return wrap(title, label, checkpoint, metrics, source, listed_as, path)


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
    metrics = measure(title, checkpoint, MNIST.images("test"))
    return wrap(title, title, checkpoint, metrics, FILE, listed_as, file)
