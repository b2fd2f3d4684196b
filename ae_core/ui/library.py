"""Models as the page shows them: loaded once a process, with what is needed to read their codes."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from ae_core.checkpoints import Checkpoint, ladder_paths, load_checkpoint
from ae_core.config import LADDERS, Kind
from ae_core.data import load_mnist
from ae_core.metrics import CodeStatistics, evaluate_codes


@dataclass(frozen=True)
class Shown:
    """A model on the page."""

    title: str
    label: str
    """Short, to stand over a column: a rung's penalty weight, else the title."""
    checkpoint: Checkpoint
    statistics: CodeStatistics

    @property
    def kind(self) -> Kind:
        """Contractive or sparse."""
        return self.checkpoint.model_config.kind


def rung(kind: Kind, penalty_weight: float) -> Shown:
    """The shipped model of a penalty weight.

    Raises:
        CheckpointError: if its file is missing or damaged.
    """
    path = ladder_paths(kind)[penalty_weight]
    return _load_rung(path, penalty_weight, _version(path))


@st.cache_resource(show_spinner=False, max_entries=64)
def _load_rung(path: Path, penalty_weight: float, version: int) -> Shown:  # noqa: ARG001 - part of the key
    checkpoint = load_checkpoint(path)
    title = f"Shipped {checkpoint.model_config.kind} model, penalty weight {penalty_weight:g}"
    # The shipped files' metrics are ours, and a test holds them against the weights.
    statistics = CodeStatistics.from_metrics(checkpoint.metrics)
    return Shown(title, f"{penalty_weight:g}", checkpoint, statistics)


def ladder(kind: Kind) -> list[Shown]:
    """All shipped models of a kind, the weakest penalty first.

    Raises:
        CheckpointError: if one of their files is missing or damaged.
    """
    return [rung(kind, weight) for weight in LADDERS[kind]]


def saved(path: Path) -> Shown:
    """A model from a file in `checkpoints/`.

    Raises:
        CheckpointError: if the file is missing or not a valid checkpoint.
    """
    return _load_saved(path, _version(path))


@st.cache_resource(show_spinner="Measuring the model's codes", max_entries=16)
def _load_saved(path: Path, version: int) -> Shown:  # noqa: ARG001 - part of the key
    return _foreign(path.stem, load_checkpoint(path))


def _version(path: Path) -> int:
    """Changes when the file does, so that a cached model of its former content is not shown."""
    return path.stat().st_mtime_ns if path.exists() else 0


def uploaded(file_name: str, content: bytes) -> Shown:
    """A model from an uploaded file.

    Raises:
        CheckpointError: if it is not a valid checkpoint.
    """
    # The name comes from outside: what it may show, and where it may point, is decided here.
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", Path(file_name).name)[-80:]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (safe.lstrip(".") or "upload")
        path.write_bytes(content)
        return _foreign(f"{path.stem} (uploaded)", load_checkpoint(path))


def trained(title: str, checkpoint: Checkpoint) -> Shown:
    """A model that a run of this process ended with."""
    return Shown(title, title, checkpoint, CodeStatistics.from_metrics(checkpoint.metrics))


def _foreign(title: str, checkpoint: Checkpoint) -> Shown:
    # What a file says of its model may be wrong or missing: only what is measured here is shown.
    statistics, test_mse = evaluate_codes(checkpoint.model, load_mnist("test").images)
    return Shown(title, title, replace(checkpoint, metrics={"test_mse": test_mse}), statistics)
