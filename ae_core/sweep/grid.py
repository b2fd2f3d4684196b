"""A grid of models: every combination of some recipes' fields, and where each lies in a shared folder."""

from __future__ import annotations

import hashlib
import json
import tomllib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from ae_core.checkpoints import SUFFIX, AnyCheckpoint, load_checkpoint
from ae_core.config import KINDS, RECIPE_NAMES, RECIPES, Recipe
from ae_core.data import MNIST, DataSet
from ae_core.errors import CheckpointError, GridError

MOST_CELLS = 10_000
_STATES = "unfinished"


@dataclass(frozen=True)
class Cell:
    """One combination of a grid, and where it lies in the shared folder."""

    recipe: Recipe
    folder: Path

    @property
    def name(self) -> str:
        """Readable, and different for every recipe."""
        train = self.recipe.train
        rho = "" if train.sparsity_target is None else f"-{train.sparsity_target:g}"
        what = json.dumps(self.recipe.as_dict(), sort_keys=True)
        digest = hashlib.sha256(what.encode()).hexdigest()[:8]
        return f"{self.recipe.model.kind}-{train.penalty_weight:g}{rho}-seed{train.seed}-{digest}"

    @property
    def path(self) -> Path:
        """The file of the finished model."""
        return self.folder / f"{self.name}{SUFFIX}"

    @property
    def state_folder(self) -> Path:
        """The folder of its state, and of what else is known of it, until then."""
        return self.folder / _STATES / self.name

    def result(self) -> AnyCheckpoint | None:
        """The finished model, if there is one that can be read."""
        try:
            return load_checkpoint(self.path)
        except CheckpointError:
            return None

    @property
    def problem_path(self) -> Path:
        """The file with the sentence on why it was given up; without that file it is tried again."""
        return self.state_folder / "problem.txt"

    def problem(self) -> str | None:
        """Why it was given up; None if it was not."""
        try:
            return self.problem_path.read_text(encoding="utf-8")
        except OSError:
            return None


def read_grid(path: Path, folder: Path, data: DataSet = MNIST) -> list[Cell]:
    """Read the cells of a grid's file: tables `[[grid]]`, whose lists are combined in all ways.

    Args:
        path: the TOML file.
        folder: the shared folder that the cells lie in.
        data: the images of all cells.
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
            cell = Cell(recipe.override(**data.fields), folder)
            cells[cell.name] = cell
    return list(cells.values())


def _recipes(table: dict[str, Any], where: str, most: int) -> list[Recipe]:
    axes = {name: values if isinstance(values, list) else [values] for name, values in table.items()}
    kinds, names = axes.pop("kind", None), axes.pop("recipe", ["best"])
    if not kinds or any(kind not in KINDS for kind in kinds):
        raise GridError(f"{where}: kind must be {' or '.join(KINDS)}, or a list of them.")
    if not names or any(name not in RECIPE_NAMES for name in names):
        raise GridError(f"{where}: recipe must be one of {', '.join(RECIPE_NAMES)}, or a list of them.")
    if {"data", "data_digest"} & set(axes):
        raise GridError(f"{where}: a grid is of one set of images, which --data names: leave data out.")
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
