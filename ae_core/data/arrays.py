"""Arrays in an .npz file as a set. Nothing is unpickled; every header is judged before its array is read."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from ae_core.config import IMAGE_SIZE
from ae_core.data.archives import open_zip
from ae_core.data.fitting import Fit, fit_all
from ae_core.data.raw import Bounds, Raw, RawPart
from ae_core.errors import DataError

_CHUNK_BYTES = 2**24
_LARGEST_SIDE = 4096
_CHANNELS = (1, 3, 4)
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Of red, green and blue, as PNG and JPEG files are read, too (ITU-R 601-2)."""
_ROUNDING = 1e-3
"""How far beyond 0 and 1 resampling may put a value that means 0 or 1."""
_NAMES = "x_train, y_train, x_test, y_test, or x and y"


class _Array(NamedTuple):
    """An array whose header was read, and nothing more."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    """Of its numbers in the file, in bytes."""


def read_npz(name: str, file: IO[bytes], how: Fit, bounds: Bounds) -> Raw:
    """Read a set from arrays `x_train`, `y_train`, `x_test`, `y_test`, or `x` and `y`; labels may be missing.

    Images are (n, height, width), (n, pixels) of a square, or have 1, 3 or 4 channels first or last: whole
    numbers from 0 to 255, or floats from 0 to 1, or from 0 to 255. An array `classes` of texts names the
    classes.

    Raises:
        DataError: if it is no such file, holds objects, which only pickle could read, or numbers that are no
            brightness.
    """
    with open_zip(name, file, bounds) as archive:
        arrays = {
            info.filename.removesuffix(".npy"): _header(name, archive, info)
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        x = next((key for key in ("x_train", "x") if key in arrays), None)
        if x is None:
            held = ", ".join(sorted(arrays)[:8]) or "no arrays"
            raise DataError(f"{name} holds {held}: a set is made of arrays named {_NAMES}.")
        reader = _Reader(name, archive, how, bounds)
        train = reader.part(arrays[x], arrays.get("y_train" if x == "x_train" else "y"))
        test = reader.part(arrays["x_test"], arrays.get("y_test")) if "x_test" in arrays else None
        classes = tuple(map(str, reader.texts(arrays["classes"]))) if "classes" in arrays else None
        return Raw(train, test, classes, reader.warnings)


def _header(name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Array:
    key = info.filename.removesuffix(".npy")
    try:
        with archive.open(info) as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, by_columns, dtype = read(file)
            start = file.tell()
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, OSError):
        raise DataError(f"{name} is damaged: its array {key} cannot be read. Write it once more.") from None
    if dtype.hasobject:
        raise DataError(
            f"{name} holds Python objects in {key}, which are never unpickled: write an array of "
            "numbers, such "
            "as numpy.stack(list_of_images)."
        )
    if by_columns and len(shape) > 1:
        raise DataError(f"{name} has {key} in Fortran's order: write numpy.ascontiguousarray({key}).")
    if math.prod(shape) * dtype.itemsize != info.file_size - start:
        raise DataError(f"{name} is damaged: its array {key} has not the size that it says.")
    return _Array(key, shape, dtype, start)


class _Reader:
    """Reads arrays piece by piece: floats take eight times as much memory as the images that they become."""

    def __init__(self, name: str, archive: zipfile.ZipFile, how: Fit, bounds: Bounds) -> None:
        self._name, self._archive, self._how, self._bounds = name, archive, how, bounds
        self.warnings: list[str] = []

    def part(self, x: _Array, y: _Array | None) -> RawPart:
        """The images in an array, and their labels."""
        labels = None if y is None else self._labels(y)
        return RawPart(self._images(x), labels)

    def texts(self, array: _Array) -> np.ndarray:
        """An array of names."""
        if array.dtype.kind != "U" or len(array.shape) != 1:
            raise DataError(f"{self._name}: {array.name} must be an array of texts, one per class.")
        self._bounds.check_images(f"{self._name}, {array.name},", array.shape[0])
        return self._whole(array)

    def _labels(self, array: _Array) -> np.ndarray:
        count = array.shape[0] if array.shape else 0
        if array.shape not in ((count,), (count, 1)):
            raise DataError(
                f"{self._name}: {array.name} has the shape {array.shape}; labels are one number, or one "
                "text, per "
                "image: shape (n,)."
            )
        self._bounds.check_images(f"{self._name}, {array.name},", count)
        labels = self._whole(array).reshape(-1)
        if array.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.round(labels)).all():
            labels = labels.astype(np.int64)
        if labels.dtype.kind not in "biuU":
            raise DataError(f"{self._name}: {array.name} holds no labels: they are whole numbers or texts.")
        return labels

    def _whole(self, array: _Array) -> np.ndarray:
        rows = list(self._rows(array))
        return np.concatenate(rows) if rows else np.empty(array.shape, array.dtype)

    def _images(self, array: _Array) -> np.ndarray:
        where = f"{self._name}: {array.name}"
        shape = self._picture_shape(where, array)
        self._bounds.check_images(where, array.shape[0])
        if array.dtype.kind not in "biuf":
            raise DataError(f"{where} holds no numbers that are a brightness: its type is {array.dtype}.")
        scale = self._scale(where, array)
        images = np.empty((array.shape[0], IMAGE_SIZE, IMAGE_SIZE), dtype=np.uint8)
        done = 0
        for rows in self._rows(array):
            grey = _to_bytes(_to_grey(rows.reshape(len(rows), *shape), scale))
            images[done : done + len(rows)] = fit_all(grey, self._how, where)
            done += len(rows)
        return images

    def _picture_shape(self, where: str, array: _Array) -> tuple[int, ...]:
        """Of one image: (height, width), or with channels last or first."""
        shape = array.shape[1:]
        if len(shape) == 1 and math.isqrt(shape[0]) ** 2 == shape[0]:
            shape = (math.isqrt(shape[0]),) * 2
        has_channels = len(shape) == 3 and (shape[2] in _CHANNELS or shape[0] in _CHANNELS)
        sides = (
            shape if len(shape) == 2 else (shape[:2] if has_channels and shape[2] in _CHANNELS else shape[1:])
        )
        if not (len(shape) == 2 or has_channels) or not all(0 < side <= _LARGEST_SIDE for side in sides):
            raise DataError(
                f"{where} has the shape {array.shape}; images are (n, height, width), (n, height, "
                "width, channels) "
                "or (n, pixels) of a square."
            )
        return shape

    def _scale(self, where: str, array: _Array) -> float:
        """By what its numbers become bytes.

        Raises:
            DataError: if they are no brightness from 0 to 1, or to 255.
        """
        lowest, highest = math.inf, -math.inf
        for rows in self._rows(array):
            if array.dtype.kind == "f" and not np.isfinite(rows).all():
                raise DataError(
                    f"{where} holds numbers that are not finite (NaN or infinite): replace them first."
                )
            lowest, highest = min(lowest, float(rows.min())), max(highest, float(rows.max()))
        if array.dtype.kind == "b" or not array.shape[0]:
            return 255.0
        is_float = array.dtype.kind == "f"
        if lowest < (-_ROUNDING if is_float else 0) or highest > 255:
            raise DataError(
                f"{where} goes from {lowest:g} to {highest:g}: a brightness goes from 0 to 1, or from 0 "
                "to 255. "
                "Rescale it first."
            )
        if is_float and highest > 1 + _ROUNDING:
            self.warnings.append(f"{array.name} holds floats up to {highest:g}: they are taken as 0 to 255.")
            return 1.0
        if not is_float and highest == 1:
            self.warnings.append(
                f"{array.name} holds nothing but 0 and 1: they are taken as black and white."
            )
            return 255.0
        return 255.0 if is_float else 1.0

    def _rows(self, array: _Array) -> Iterator[np.ndarray]:
        """The array, some rows at a time."""
        of_row = math.prod(array.shape[1:]) * array.dtype.itemsize
        if not array.shape or not of_row:
            return
        count = max(1, _CHUNK_BYTES // of_row)
        try:
            with self._archive.open(f"{array.name}.npy") as file:
                file.read(array.start)
                for first in range(0, array.shape[0], count):
                    rows = min(count, array.shape[0] - first)
                    content = file.read(rows * of_row)
                    yield np.frombuffer(content, dtype=array.dtype).reshape(rows, *array.shape[1:])
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError):
            raise DataError(f"{self._name} is damaged: its array {array.name} cannot be read.") from None


def _to_grey(rows: np.ndarray, scale: float) -> np.ndarray:
    """Brightness from 0 to 255, shape (n, height, width); transparent places are black."""
    if rows.ndim == 4 and rows.shape[3] not in _CHANNELS:
        rows = rows.transpose(0, 2, 3, 1)
    if rows.dtype == np.uint8 and rows.ndim == 3 and scale == 1:
        return rows
    values = rows.astype(np.float32) * scale
    if rows.ndim == 3:
        return values
    light = values[..., 0] if rows.shape[3] == 1 else values[..., :3] @ _GREY
    return light * (values[..., 3] / 255) if rows.shape[3] == 4 else light


def _to_bytes(grey: np.ndarray) -> np.ndarray:
    return grey if grey.dtype == np.uint8 else np.round(grey).clip(0, 255).astype(np.uint8)
