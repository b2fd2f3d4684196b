"""What belongs to a model besides its weights: measured here, or in a file beside the model's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ae_core.model import Autoencoder
from ae_core.training.background_work import BackgroundWork
from ae_core.ui.library import version
from ae_core.ui.shown import Shown

T = TypeVar("T")


def find_beside(
    shown: Shown,
    run: BackgroundWork[T] | None,
    path_of: Callable[[Path], Path],
    load: Callable[[Path, Autoencoder], T],
) -> T | None:
    """What was measured here, else what the file holds; None if there is neither, or not yet.

    Args:
        run: the measurement here, if one was started.
        path_of: from the model's file to where that of it lies or would lie.
        load: reads it; raises `CheckpointError` for a file that is damaged or another model's.
    """
    if run is not None and run.result is not None:
        return run.result
    if shown.file is None:
        return None
    path = path_of(shown.file)
    found = version(path)
    return _load(load, shown, path, found) if found else None


# A model is equal to itself alone, and so is a good part of the key.
@lru_cache(maxsize=128)
def _load(
    load: Callable[[Path, Autoencoder], T],
    shown: Shown,
    path: Path,
    version: int,  # noqa: ARG001 - part of the key
) -> T:
    return load(path, shown.checkpoint.model)
