"""A data set by its name or its path: whatever it is, it becomes a `DataSet`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import IO

from ae_core.config import TrainConfig
from ae_core.data.archives import files_of_folder, files_of_zip, open_zip
from ae_core.data.arrays import read_npz
from ae_core.data.assembling import assemble, short_name
from ae_core.data.dataset import MNIST, MNIST_NAME, DataSet, Source, name_of
from ae_core.data.fitting import Fit, fit_all
from ae_core.data.named import NAMED, read_named
from ae_core.data.raw import LOCAL, UPLOAD, Bounds, Raw
from ae_core.data.trees import read_tree
from ae_core.errors import DataError

DATA_HELP = (
    f"{MNIST_NAME.lower()}, one of {', '.join(NAMED)} (downloaded once), or a path: a folder or .zip of "
    "PNG or JPEG pictures (a folder per class, or none), an .npz of arrays, or a folder or .zip of IDX files."
)
"""What can be named."""
LARGEST_UPLOAD = 20 * 2**20
_ENDINGS = (".npz", ".zip")


def open_data(where: str, how: Fit = "fit", bounds: Bounds = LOCAL) -> DataSet:
    """Open a set by its name or its path.

    Args:
        where: what `DATA_HELP` says.
        how: how its pictures are made to fit.
    Raises:
        DataError: if there is none, or what is there is no set; nothing is written.
    """
    if where.lower() == MNIST_NAME.lower():
        return MNIST
    if where in NAMED:
        raw = read_named(where)
        for part in (raw.train, raw.test):
            if part is not None:
                part.images = fit_all(part.images, how, where)
        return assemble(where, raw, Source(where, how))
    path = Path(where)
    try:
        # By its whole path, so that it is found again from wherever somebody goes on.
        source = Source(str(path.resolve()), how)
        if path.is_dir():
            return assemble(path.resolve().name, _read_folder(path, how, bounds), source)
        with path.open("rb") as file:
            return assemble(path.stem, _read_file(path.name, file, how, bounds), source)
    except FileNotFoundError:
        raise DataError(f"There is no data set {where}: name {DATA_HELP}") from None
    except OSError as error:
        raise DataError(f"{where} cannot be read: {error.strerror or error}.") from None


def read_upload(name: str, content: bytes, how: Fit) -> DataSet:
    """The set in an uploaded file, .npz or .zip, which stays in memory.

    Raises:
        DataError: if it is too large, or no such set.
    """
    if len(content) > LARGEST_UPLOAD:
        raise DataError(f"{name} is larger than {LARGEST_UPLOAD // 2**20} MB: upload a smaller one.")
    # The name comes from outside: only harmless characters of it are shown.
    path = Path(name)
    name = f"{short_name(path.stem)}{path.suffix if path.suffix.lower() in _ENDINGS else ''}"
    return assemble(path.stem, _read_file(name, io.BytesIO(content), how, UPLOAD), None)


def open_again(source: Source | None, config: TrainConfig) -> DataSet:
    """The set, not MNIST, that a training was begun on.

    Args:
        source: from where; None: it was uploaded.
    Raises:
        DataError: if it is not there any more, or is another one by now.
    """
    name = name_of(config)
    if source is None:
        raise DataError(
            f"The training is on the set {name}, which was uploaded: choose it on the page once more."
        )
    found = open_data(source.where, source.fit)
    if not found.is_of(config):
        raise DataError(
            f"The set {name} in {source.where} has changed since the training began: it cannot go on with it."
        )
    return found


def _read_folder(path: Path, how: Fit, bounds: Bounds) -> Raw:
    entries, links = files_of_folder(path, bounds)
    raw = read_tree(path.resolve().name, entries, how, bounds)
    if links:
        raw.warnings.append(f"{links:,} {'link was' if links == 1 else 'links were'} not followed.")
    return raw


def _read_file(name: str, file: IO[bytes], how: Fit, bounds: Bounds) -> Raw:
    ending = Path(name).suffix.lower()
    if ending == ".npz":
        return read_npz(name, file, how, bounds)
    if ending == ".zip":
        with open_zip(name, file, bounds) as archive:
            return read_tree(name, files_of_zip(name, archive), how, bounds)
    raise DataError(f"{name} is no set that can be read: give a folder, or a file {' or '.join(_ENDINGS)}.")
