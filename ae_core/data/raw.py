"""What a reader of own data found, before it is a set; and how much it may find."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ae_core.errors import DataError

MOST_CLASSES = 256
"""Labels are bytes."""


@dataclass(frozen=True)
class Bounds:
    """How much of a set is read; each is asked before anything is decoded."""

    files: int
    """In a folder or an archive."""
    unpacked: int
    """Bytes of all files of an archive together, or of an array's or an IDX file, after decompression."""
    images: int
    megapixels: int
    """Of all pictures together, before they are made to fit."""

    def check_pixels(self, name: str, pixels: int) -> None:
        """Raise a `DataError` for more pixels."""
        if pixels > self.megapixels * 1_000_000:
            raise DataError(
                f"{name} holds pictures of more than {self.megapixels:,} megapixels together: make them "
                "smaller, or "
                "take fewer."
            )

    def check_files(self, name: str, files: int) -> None:
        """Raise a `DataError` for more files."""
        if files > self.files:
            raise DataError(
                f"{name} holds more than {self.files:,} files: take fewer of them, or put the images "
                "into one "
                ".npz file."
            )

    def check_unpacked(self, name: str, size: int) -> None:
        """Raise a `DataError` for more bytes."""
        if size > self.unpacked:
            raise DataError(
                f"{name} would take more than {self.unpacked // 2**20:,} MB when it is unpacked: take a "
                "part of it."
            )

    def check_images(self, name: str, images: int) -> None:
        """Raise a `DataError` for more images."""
        if images > self.images:
            raise DataError(f"{name} holds {images:,} images, more than the {self.images:,} that are read.")


LOCAL = Bounds(files=200_000, unpacked=2 * 2**30, images=500_000, megapixels=1_000_000)
"""For a path that the user of a command names."""
SERVED = Bounds(files=200_000, unpacked=2**30, images=100_000, megapixels=20_000)
"""For what a server reads for a browser, from where its operator allows."""
UPLOAD = Bounds(files=30_000, unpacked=200 * 2**20, images=30_000, megapixels=500)
"""For what comes from a browser."""


@dataclass
class RawPart:
    """Images that fit, and what is known of them."""

    images: np.ndarray
    """uint8, shape (n, 28, 28)."""
    labels: np.ndarray | None
    """Classes as their file has them, shape (n,): numbers or names."""


@dataclass
class Raw:
    """What was found in a file or a folder."""

    train: RawPart
    test: RawPart | None = None
    """None: a part of the other is to be set aside."""
    classes: tuple[str, ...] | None = None
    """The names of the classes, if the file says them: then the labels are their places."""
    warnings: list[str] = field(default_factory=list)
