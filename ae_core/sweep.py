"""Sweeps: every combination of a grid, trained once, by any number of processes on any number of machines.

The processes share nothing but a folder. A cell of the grid belongs to whoever holds its lock; a lock goes
with its process, so what a killed one leaves is taken over by the others, from the state it kept.
"""

from __future__ import annotations

import hashlib
import json
import logging
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import sleep
from typing import Any

from ae_core.checkpoints import SUFFIX, AnyCheckpoint, load_checkpoint, save_checkpoint
from ae_core.compute import Compute
from ae_core.config import KINDS, RECIPE_NAMES, RECIPES, Recipe
from ae_core.errors import CheckpointError, GridError, RunInUseError, explain
from ae_core.files import write_whole
from ae_core.jobs import Job
from ae_core.states import RunFolder

MOST_CELLS = 10_000
MOST_ATTEMPTS = 2
"""A cell that crashed is tried once more."""
_LOOK_SECONDS = 1.0
_STATES = "unfinished"
_ATTEMPTS = "attempts.txt"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Cell:
    """One combination of a grid, and where it lies in the shared folder."""

    recipe: Recipe
    folder: Path

    @property
    def name(self) -> str:
        """Readable, and of no other recipe."""
        train = self.recipe.train
        rho = "" if train.sparsity_target is None else f"-{train.sparsity_target:g}"
        what = json.dumps(self.recipe.as_dict(), sort_keys=True)
        digest = hashlib.sha256(what.encode()).hexdigest()[:8]
        return f"{self.recipe.model.kind}-{train.penalty_weight:g}{rho}-seed{train.seed}-{digest}"

    @property
    def path(self) -> Path:
        """Of the finished model."""
        return self.folder / f"{self.name}{SUFFIX}"

    @property
    def state_folder(self) -> Path:
        """Of what is known of it until then."""
        return self.folder / _STATES / self.name

    def result(self) -> AnyCheckpoint | None:
        """The finished model, if there is one that can be read."""
        try:
            return load_checkpoint(self.path)
        except CheckpointError:
            return None

    @property
    def problem_path(self) -> Path:
        """Of the sentence on why it was given up; without that file it is tried again."""
        return self.state_folder / "problem.txt"

    def problem(self) -> str | None:
        """Why it was given up; None if it was not."""
        try:
            return self.problem_path.read_text(encoding="utf-8")
        except OSError:
            return None


def read_grid(path: Path, folder: Path) -> list[Cell]:
    """The cells of a grid's file: tables `[[grid]]`, whose lists are combined in all ways.

    Raises:
        GridError: if the file is missing, no TOML, or asks for what no recipe can be.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise GridError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GridError(f"{path} is not valid TOML: {error}.") from None
    tables = content.get("grid")
    if (
        set(content) != {"grid"}
        or not isinstance(tables, list)
        or not all(isinstance(t, dict) for t in tables)
    ):
        raise GridError(f"{path} must hold tables named [[grid]], and nothing beside them.")
    cells: dict[str, Cell] = {}
    for number, table in enumerate(tables, 1):
        for recipe in _recipes(table, f"{path}, table {number}", MOST_CELLS - len(cells)):
            cell = Cell(recipe, folder)
            cells[cell.name] = cell
    return list(cells.values())


def _recipes(table: dict[str, Any], where: str, most: int) -> list[Recipe]:
    axes = {name: values if isinstance(values, list) else [values] for name, values in table.items()}
    kinds, names = axes.pop("kind", None), axes.pop("recipe", ["best"])
    if not kinds or any(kind not in KINDS for kind in kinds):
        raise GridError(f"{where}: kind must be {' or '.join(KINDS)}, or a list of them.")
    if not names or any(name not in RECIPE_NAMES for name in names):
        raise GridError(f"{where}: recipe must be one of {', '.join(RECIPE_NAMES)}, or a list of them.")
    unknown = set(axes) - set(RECIPES[kinds[0]]["best"].as_dict())
    if unknown:
        raise GridError(f"{where}: a recipe has no field {sorted(unknown)[0]}.")
    count = len(kinds) * len(names)
    for values in axes.values():
        count *= len(values)
    if not 0 < count <= most:
        raise GridError(f"{where}: a sweep has 1 to {MOST_CELLS:,} cells, not {count:,} in this table.")
    recipes = []
    for kind, name, *values in product(kinds, names, *axes.values()):
        try:
            recipes.append(RECIPES[kind][name].override(**dict(zip(axes, values, strict=True))))
        except ValueError as error:
            raise GridError(f"{where}: {error}.") from None
    return recipes


def work_on(
    cells: Sequence[Cell],
    compute: Compute,
    rank: int,
    size: int,
    say: Callable[[str], None],
) -> None:
    """Train cells until none is left, also those that other processes leave.

    Args:
        rank: number of this process among `size`: each begins elsewhere.
        say: told, in a sentence, what begins and what ends.
    Raises:
        OSError: if the shared folder cannot be written.
    """
    own = [*cells[rank::size], *(cell for index, cell in enumerate(cells) if index % size != rank)]
    while own:
        # What others hold stays in the list: they may yet be killed.
        own = [cell for cell in own if not _is_settled(cell, compute, say)]
        if own:
            sleep(_LOOK_SECONDS)


def _is_settled(cell: Cell, compute: Compute, say: Callable[[str], None]) -> bool:
    """Train the cell unless somebody has or does; false if it is not known yet how it ends."""
    if cell.path.exists() and cell.result() is not None:
        return True
    if cell.problem() is not None:
        return True
    try:
        folder = RunFolder(cell.state_folder, make=True)
    except RunInUseError:
        return False
    try:
        # Between the look and the lock somebody may have finished it.
        if cell.path.exists() and cell.result() is not None:
            folder.remove()
            return True
        return _attempt(cell, folder, compute, say)
    finally:
        folder.close()


def _attempt(cell: Cell, folder: RunFolder, compute: Compute, say: Callable[[str], None]) -> bool:
    attempts = _attempts(folder)
    if attempts >= MOST_ATTEMPTS:
        # Its process could not say why: it was killed.
        _give_up(cell, f"Its process was killed {attempts} times.", say)
        return True
    # Counted before, so that an attempt counts even if its process does not live to say how it ended.
    write_whole(folder.path / _ATTEMPTS, str(attempts + 1).encode())
    say(f"{cell.name}: {'begins' if attempts == 0 else 'tried once more'}")
    try:
        job = Job.resume_or_start(cell.recipe, compute, folder, str(cell.path), say)
        for _ in job.train():
            pass
        checkpoint = job.checkpoint()
        save_checkpoint(checkpoint, cell.path)
    except Exception as error:
        reason = explain(error)
        if reason is None:
            reason = f"{type(error).__name__}: {error}"
            _log.exception("%s crashed", cell.name)
        if attempts + 1 < MOST_ATTEMPTS:
            say(f"{cell.name}: crashed. {reason}")
            return False
        _give_up(cell, reason, say)
        return True
    folder.remove()
    say(f"{cell.name}: done, test MSE {checkpoint.metrics.test_mse:.6f}")
    return True


def _attempts(folder: RunFolder) -> int:
    try:
        return int((folder.path / _ATTEMPTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 0


def _give_up(cell: Cell, reason: str, say: Callable[[str], None]) -> None:
    write_whole(cell.problem_path, reason.encode())
    # Its state stays, as after a disk that was full: tried again, it goes on from there.
    (cell.state_folder / _ATTEMPTS).unlink(missing_ok=True)
    say(f"{cell.name}: given up. {reason} Remove {cell.problem_path} to have it tried again.")
