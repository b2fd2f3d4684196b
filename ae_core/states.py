"""Runs that can be gone on with after their program ended: a folder each, with the state in one file.

A lock tells the interrupted runs from those that go on: a process holds it and loses it however it ends.
Who only looks writes nothing and is in no owner's way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import Any

import platformdirs
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as to_safetensors
from torch import Tensor

from ae_core.checkpoints import SUFFIX, parse_recipe, recipe_metadata
from ae_core.compute import Compute
from ae_core.config import Recipe, is_count, is_number
from ae_core.errors import CheckpointError, RunGoneError, RunInUseError
from ae_core.files import parse_object, read_file, read_tensors, write_whole
from ae_core.model import Autoencoder
from ae_core.progress import TrainProgress
from ae_core.train_state import TrainState

try:
    import fcntl
except ImportError:
    # As on Windows.
    fcntl = None

FORMAT = "autoencoder-lab-run/1"
RUNS_VARIABLE = "AUTOENCODER_LAB_RUNS"
"""Environment variable that names another folder for the runs' states."""
MAX_FILE_BYTES = 64 * 1024 * 1024

_OPTIMIZER = ("exp_avg", "exp_avg_sq", "noise")
_PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_CUDA_GENERATOR_BYTES = 16
_LOCK = "lock"
_PATIENCE_SECONDS = 10.0
"""How long an owner waits for those who only look; each of them holds the lock for microseconds."""


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

    Args:
        make: also where there is no run yet. Else it must have a state: what just ended is not made anew.
    Raises:
        RunInUseError: if somebody else has locked it.
        RunGoneError: if there is no run, and none is to be made.
        OSError: if the folder cannot be made or locked.
    """

    def __init__(self, path: Path, make: bool = False) -> None:
        self.path = path
        # Taken in one thread and given back in another.
        self._lock = FileLock(path / _LOCK, timeout=0, thread_local=False)
        deadline = monotonic() + _PATIENCE_SECONDS
        while not self._is_taken(make):
            # A second question, since whoever looks holds the lock, too, but shared and not for long.
            if _is_owned(path) or monotonic() > deadline:
                raise RunInUseError(f"The run {path.name} goes on in another program or session.")
            sleep(0.005)
        if not make and not self.has_state:
            # Its owner ended it just before, and the lock is a new file in a new folder.
            self._remove_folder()
            raise _gone()
        for left in path.glob(".saving-*"):
            left.unlink(missing_ok=True)

    def _is_taken(self, make: bool) -> bool:
        if not make and not self.has_state:
            raise _gone()
        try:
            if make:
                self.path.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except (Timeout, FileNotFoundError):
            # Not there: its owner has removed the folder between two steps of this.
            return False
        return True

    @classmethod
    def create(cls, recipe: Recipe, directory: Path) -> RunFolder:
        """A new folder for a run of this recipe.

        Raises:
            OSError: if it cannot be made.
        """
        started = datetime.now().strftime("%Y%m%d-%H%M%S")
        name = f"{recipe.model.kind}-{recipe.train.penalty_weight:g}-{started}-{token_hex(2)}"
        return cls(directory / name, make=True)

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
        try:
            # The state first: without it a folder is no run, whatever else of it stays.
            _state_path(self.path).unlink(missing_ok=True)
        except OSError:
            self._lock.release()
            raise
        self._remove_folder()

    def _remove_folder(self) -> None:
        """The lock last, and while it is held: nobody can make the folder theirs before it is gone."""
        lock = self.path / _LOCK
        with suppress(OSError):
            for left in self.path.iterdir():
                if left != lock:
                    left.unlink(missing_ok=True)
        with suppress(OSError):
            lock.unlink(missing_ok=True)
            self.path.rmdir()
        self._lock.release()
        if fcntl is None:
            # Windows removes no file that is open.
            with suppress(OSError):
                lock.unlink(missing_ok=True)
                self.path.rmdir()


def _gone() -> RunGoneError:
    return RunGoneError("This run is gone: it has ended, or somebody else went on with it or forgot it.")


def _is_owned(folder: Path) -> bool:
    """Whether somebody works on a run; asked without writing anything or taking the run from anybody."""
    if fcntl is None:
        try:
            with FileLock(folder / _LOCK, timeout=0.2):
                return False
        except (Timeout, OSError):
            return True
    try:
        with (folder / _LOCK).open("rb") as lock:
            # An owner has it exclusively. Shared with all others who look, and given back with the file.
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _state_path(folder: Path) -> Path:
    return folder / f"state{SUFFIX}"


def interrupted(directory: Path, most: int) -> dict[str, SavedRun]:
    """The runs in a folder that nobody works on, by name, the newest first; what cannot be read is left out.

    Args:
        most: this many at most.
    """
    readable = ((name, run) for name, run in look_at(directory) if isinstance(run, SavedRun))
    return dict(islice(readable, most))


def look_at(directory: Path) -> Iterator[tuple[str, SavedRun | CheckpointError]]:
    """The runs in a folder that nobody works on, the newest first: the state, or why it cannot be read."""
    try:
        paths = sorted(directory.glob(f"*/state{SUFFIX}"), key=_last_change, reverse=True)
    except OSError:
        return
    for path in paths:
        if _is_owned(path.parent):
            continue
        try:
            yield path.parent.name, load_run(path.parent)
        except CheckpointError as error:
            # Not there any more: it has ended meanwhile.
            if path.exists():
                yield path.parent.name, error


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
