"""Sets that torchvision knows by name, downloaded once into the user's cache when somebody asks for one."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from filelock import FileLock

from ae_core.data.raw import Raw, RawPart
from ae_core.errors import DataError

_SECONDS = 30.0
"""How long a server may say nothing."""
_NOT_DOWNLOADED = ("Error downloading", "File not found or corrupted")
"""In what torchvision says then; anything else that it raises is about the files in the cache."""


def cache_dir() -> Path:
    """Where downloaded sets are kept: in the user's cache."""
    return platformdirs.user_cache_path("autoencoder-lab") / "data"


def read_named(name: str) -> Raw:
    """A set by its name, from the cache, or else from the network.

    Args:
        name: of `NAMED`.
    Raises:
        DataError: if it is not in the cache and cannot be downloaded, or what is there is damaged.
    """
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Processes that train together ask for a set at the same time.
        with FileLock(folder / "lock"), _patience(), contextlib.redirect_stdout(io.StringIO()):
            train, test, classes = NAMED[name](folder)
    except OSError as error:
        raise _not_there(name, folder, getattr(error, "reason", None) or error.strerror or error) from None
    except (RuntimeError, ValueError, TypeError, AssertionError, EOFError) as error:
        if any(word in str(error) for word in _NOT_DOWNLOADED):
            raise _not_there(name, folder, str(error).strip().splitlines()[-1]) from None
        raise DataError(
            f"What is kept of {name} in {folder} is damaged: remove it there and give the command again."
        ) from None
    return Raw(train, test, classes)


def _not_there(name: str, folder: Path, reason: object) -> DataError:
    return DataError(
        f"{name} is not in {folder} and cannot be downloaded ({reason}). Try again with a network, or "
        "name a folder "
        "with the set's four IDX files."
    )


@contextmanager
def _patience() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


_Found = tuple[RawPart, RawPart, tuple[str, ...]]


def _part(found: Any, first_label: int = 0) -> RawPart:  # noqa: ANN401 - torchvision has no types
    labels = np.asarray(found.targets)
    return RawPart(np.asarray(found.data), (labels[:, 0] if labels.ndim == 2 else labels) - first_label)


def _fashion_mnist(folder: Path) -> _Found:
    from torchvision.datasets import FashionMNIST

    train, test = (FashionMNIST(folder, train=train, download=True) for train in (True, False))
    return _part(train), _part(test), tuple(train.classes)


def _kmnist(folder: Path) -> _Found:
    from torchvision.datasets import KMNIST

    train, test = (KMNIST(folder, train=train, download=True) for train in (True, False))
    return _part(train), _part(test), tuple(train.classes)


def _qmnist(folder: Path) -> _Found:
    from torchvision.datasets import QMNIST

    # Its test part of 60,000 begins with the 10,000 that MNIST has.
    train, test = (QMNIST(folder, what=what, download=True) for what in ("train", "test10k"))
    return _part(train), _part(test), tuple("0123456789")


def _emnist_letters(folder: Path) -> _Found:
    from torchvision.datasets import EMNIST

    train, test = (EMNIST(folder, split="letters", train=train, download=True) for train in (True, False))
    parts = [_part(found, first_label=1) for found in (train, test)]
    for part in parts:
        # Its files have rows for columns.
        part.images = part.images.transpose(0, 2, 1)
    return parts[0], parts[1], tuple("abcdefghijklmnopqrstuvwxyz")


NAMED: dict[str, Callable[[Path], _Found]] = {
    "fashion-mnist": _fashion_mnist,
    "kmnist": _kmnist,
    "qmnist": _qmnist,
    "emnist-letters": _emnist_letters,
}
"""What `--data` takes besides paths and mnist."""
