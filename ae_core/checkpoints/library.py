"""The shipped library: a ladder per kind, denoising models beside it, and what users save."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

import platformdirs

from ae_core.checkpoints import SUFFIX
from ae_core.config import DENOISING, LADDERS, OTHER_SEEDS, Kind
from ae_core.errors import CheckpointError

_PACKAGE = Path(__file__).parents[1]
_CHECKOUT = _PACKAGE.parent / "checkpoints"
_IS_CHECKOUT = (_PACKAGE.parent / "pyproject.toml").exists() and _CHECKOUT.is_dir()
LIBRARY = _CHECKOUT if _IS_CHECKOUT else _PACKAGE / "shipped" / "checkpoints"
"""The folder of what ships: a checkout's own, else the installed package's copy of it."""
SAVED = LIBRARY if _IS_CHECKOUT else platformdirs.user_data_path("autoencoder-lab") / "models"
"""The folder of what users save: a checkout's library too; an installed package is not written into."""


def ladder_name(kind: Kind, penalty_weight: float) -> str:
    """File name of a shipped rung, such as contractive-0.0001.safetensors."""
    return f"{kind}-{penalty_weight:g}{SUFFIX}"


@lru_cache(maxsize=32)  # the page looks all rungs up several times whenever it is drawn
def ladder_paths(kind: Kind, directory: Path = LIBRARY) -> Mapping[float, Path]:
    """Where each rung of a kind's ladder lies or would lie, weakest penalty first."""
    return MappingProxyType({weight: directory / ladder_name(kind, weight) for weight in LADDERS[kind]})


def denoising_paths(kind: Kind, directory: Path = LIBRARY) -> dict[float, Path]:
    """Where each denoising model of a kind lies or would lie, by its penalty weight."""
    return {weight: directory / f"{kind}-{weight:g}-denoising{SUFFIX}" for weight in DENOISING[kind]}


def other_seed_paths(kind: Kind, directory: Path = LIBRARY) -> dict[float, Path]:
    """Where each model lies or would lie that was trained as a rung was, with another seed, by its weight."""
    return {weight: directory / f"{kind}-{weight:g}-seed-1{SUFFIX}" for weight in OTHER_SEEDS[kind]}


def saved_paths(directory: Path | None = None) -> list[Path]:
    """The checkpoints in a folder, `SAVED` unless named, that do not ship, by name."""
    directory = directory or SAVED
    shipped = {
        path.name
        for kind in LADDERS
        for paths in (ladder_paths(kind), denoising_paths(kind), other_seed_paths(kind))
        for path in paths.values()
    }
    return sorted(path for path in directory.glob(f"[!.]*{SUFFIX}") if path.name not in shipped)


def path_of(file_name: str) -> Path:
    """Where a model lies that a user saved or that ships, by its file's name."""
    saved = SAVED / file_name
    return saved if saved.exists() else LIBRARY / file_name


def path_for_name(name: str, directory: Path | None = None) -> Path:
    """Where a model that a user names is saved: in a folder, `SAVED` unless named.

    Raises:
        CheckpointError: for a name in use, or of other characters than letters, digits, dot, dash and
            underscore.
    """
    name = name.strip().removesuffix(SUFFIX)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise CheckpointError(
            "A name has 1 to 64 letters, digits, dots, dashes or underscores, "
            "and starts with a letter or a digit."
        )
    path = (directory or SAVED) / f"{name}{SUFFIX}"
    if path.exists() or (LIBRARY / path.name).exists():
        raise CheckpointError(f"{path.name} is there already: choose another name.")
    return path
