"""The bundled MNIST images as tensors, seeded batches of them, and tensors as arrays.

Source: LeCun, Cortes and Burges, the MNIST database of handwritten digits (CC BY-SA 3.0).
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from ae_core.config import IMAGE_SIZE
from ae_core.errors import DataError

Picture = Tensor
"""One image as the model sees it: float32, shape (1, 1, 28, 28), in [0, 1]."""

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_DIRECTORY = Path(__file__).parent / "mnist"
_FILES: dict[Split, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
_SHA256 = {
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
}
"""Digests of the files after decompression."""


class Mnist(NamedTuple):
    """One split of the data set."""

    images: Tensor
    """uint8, shape (n, 1, 28, 28): 0 is background, 255 is ink."""
    labels: Tensor
    """uint8, shape (n,): the digit."""

    def are_of(self, digits: Sequence[int]) -> Tensor:
        """Which images are of these digits, bool, shape (n,)."""
        return torch.isin(self.labels, torch.tensor(list(digits), dtype=torch.uint8))

    def of_digits(self, digits: Sequence[int]) -> Mnist:
        """The images of these digits alone, in their order."""
        chosen = self.are_of(digits)
        return self if chosen.all() else Mnist(self.images[chosen], self.labels[chosen])


@cache
def load_mnist(split: Split) -> Mnist:
    """The 60,000 training or the 10,000 test images, from the package itself; read once per process.

    Raises:
        DataError: if a file is missing, cannot be decompressed, or is not the original.
    """
    image_name, label_name = _FILES[split]
    # An IDX header is 4 bytes of type and rank and 4 bytes per dimension.
    images = _read(image_name)[16:].reshape(-1, 1, IMAGE_SIZE, IMAGE_SIZE)
    return Mnist(torch.from_numpy(images), torch.from_numpy(_read(label_name)[8:]))


def _read(name: str) -> np.ndarray:
    path = _DIRECTORY / f"{name}.gz"
    remedy = "Restore it from the project's source."
    try:
        content = gzip.decompress(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"The data file {path} is missing. {remedy}") from None
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"The data file {path} cannot be read ({error}). {remedy}") from error
    if hashlib.sha256(content).hexdigest() != _SHA256[name]:
        raise DataError(f"The data file {path} is not the original: its SHA-256 digest differs. {remedy}")
    return np.frombuffer(bytearray(content), dtype=np.uint8)


def to_float(images: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]; the shape stays."""
    return images.float() / 255


def first_test_pictures(count: int) -> Tensor:
    """The first test images as the model sees them, shape (count, 1, 28, 28), in [0, 1]."""
    return to_float(load_mnist("test").images[:count])


def to_array(values: Tensor) -> np.ndarray:
    """Values as a float32 array that shares their memory where it can; the shape stays."""
    return values.detach().float().cpu().numpy()


def shuffled_batches(
    count: int, batch_size: int, generator: torch.Generator, device: torch.device | str = "cpu"
) -> Iterator[Tensor]:
    """One epoch: all indices below `count` in random order, shapes (batch_size,), the last with the rest.

    Drawn on the CPU, so that every device sees the same order, and moved once.

    Args:
        generator: of the CPU.
    """
    yield from torch.randperm(count, generator=generator).to(device).split(batch_size)
