"""Runs that can be gone on with after their program ended: a folder each, with the state in one file.

A lock tells the interrupted runs from those that go on: a process holds it and loses it however it ends.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import platformdirs
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.checkpoints import SUFFIX, parse_recipe, recipe_metadata
from ae_core.config import Recipe, is_count, is_number
from ae_core.files import CheckpointError, parse_object, read_file, read_tensors, write_whole
from ae_core.model import Autoencoder
from ae_core.training import Compute, TrainProgress, TrainState

FORMAT = "autoencoder-lab-run/1"
RUNS_VARIABLE = "AUTOENCODER_LAB_RUNS"
"""Environment variable that names another folder for the runs' states."""
MAX_FILE_BYTES = 64 * 1024 * 1024

_OPTIMIZER = ("exp_avg", "exp_avg_sq", "noise")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CUDA_GENERATOR_BYTES = 16


class RunInUseError(Exception):
    """Another process, or another session of this one, works on the run."""


@dataclass(frozen=True)
class SavedRun:
    """An interrupted run: what it trains and where, and how far it is."""

    recipe: Recipe
    compute: Compute
    threads: int
    """Of PyTorch on the CPU: with another number sums are rounded differently."""
    state: TrainState
    history: tuple[TrainProgress, ...] = ()
    """All reports, oldest first."""
    target: str | None = None
    """The file that the model is meant for; None for a run of the page."""


def runs_dir() -> Path:
    """Where states are kept: outside the source, in the user's data folder or where the environment says."""
    named = os.environ.get(RUNS_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("autoencoder-lab") / "runs"


class RunFolder:
    """One run's folder, locked by this object until it is closed or removed.

    Raises:
        RunInUseError: if somebody else has locked it.
        OSError: if the folder cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        # Taken in one thread and given back in another.
        self._lock = FileLock(path / "lock", timeout=0, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunInUseError(f"The run {path.name} goes on in another program or session.") from None
        for left in path.glob(".saving-*"):
            left.unlink(missing_ok=True)

    @classmethod
    def create(cls, recipe: Recipe, directory: Path) -> RunFolder:
        """A new folder for a run of this recipe.

        Raises:
            OSError: if it cannot be made.
        """
        started = datetime.now().strftime("%Y%m%d-%H%M%S")
        return cls(
            directory / f"{recipe.model.kind}-{recipe.train.penalty_weight:g}-{started}-{token_hex(2)}"
        )

    @property
    def name(self) -> str:
        """By which the run is resumed."""
        return self.path.name

    @property
    def has_state(self) -> bool:
        """Whether there is something to go on with."""
        return _state_path(self.path).exists()

    def save(self, run: SavedRun) -> None:
        """Replace the state.

        Raises:
            OSError: if it cannot be written; the former one is still there.
        """
        write_whole(_state_path(self.path), _to_bytes(run))

    def load(self) -> SavedRun:
        """The state as it was saved last.

        Raises:
            CheckpointError: if there is none, or none that can be read.
        """
        return load_run(self.path)

    def close(self) -> None:
        """Leave the run as it is, for somebody to go on with."""
        self._lock.release()

    def remove(self) -> None:
        """Forget the run."""
        # The state first: without it a folder is no run, whatever else of it stays.
        _state_path(self.path).unlink(missing_ok=True)
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)


def _state_path(folder: Path) -> Path:
    return folder / f"state{SUFFIX}"


def interrupted(directory: Path, most: int) -> dict[str, SavedRun]:
    """The runs in a folder that nobody works on, by name, the newest first; what cannot be read is left out.

    Args:
        most: this many at most.
    """
    found: dict[str, SavedRun] = {}
    try:
        paths = sorted(directory.glob(f"*/state{SUFFIX}"), key=_last_change, reverse=True)
    except OSError:
        return found
    for path in paths:
        if len(found) == most:
            break
        try:
            folder = RunFolder(path.parent)
        except (RunInUseError, OSError):
            continue
        try:
            found[folder.name] = folder.load()
        except CheckpointError:
            continue
        finally:
            folder.close()
    return found


def _last_change(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _to_bytes(run: SavedRun) -> bytes:
    state = run.state
    tensors = {f"weights.{name}": value for name, value in state.weights.items()}
    facts = {
        "step": state.step,
        "device": run.compute.device.type,
        "precision": str(run.compute.precision).removeprefix("torch."),
        "threads": run.threads,
        "target": run.target,
        "history": [astuple(progress) for progress in run.history],
    }
    metadata = {"format": FORMAT, **recipe_metadata(run.recipe), "run": json.dumps(facts, allow_nan=False)}
    return to_safetensors(tensors | state.optimizer | {"order": state.order}, metadata)


def load_run(folder: Path) -> SavedRun:
    """The state in a run's folder, checked.

    Raises:
        CheckpointError: if there is none, or none that can be read.
    """
    path = _state_path(folder)
    name = f"The state of {folder.name}"

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

    (recipe, facts), tensors = read_tensors(name, read_file(path, MAX_FILE_BYTES), MAX_FILE_BYTES, parse)
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
    return SavedRun(recipe, compute, facts["threads"], state, history, facts["target"])


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
        and isinstance(history, list)
        and all(isinstance(row, list) and len(row) == columns and all(map(is_number, row)) for row in history)
    )
    if not sound:
        raise CheckpointError(f"{name} is damaged: what it says of the run makes no sense.")
    return facts
