"""A set of images with what is known of it: the bundled MNIST, or one of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch import Tensor

from ae_core.config import TrainConfig
from ae_core.data.fitting import Fit
from ae_core.data.mnist import Mnist, Split, load_mnist
from ae_core.errors import DataError

MNIST_NAME = "MNIST"
"""By which sentences call the bundled set; commands take it in small letters, too."""


class Source(NamedTuple):
    """From where a set can be opened again."""

    where: str
    """A path, or the name of a set that torchvision knows."""
    fit: Fit


@dataclass(frozen=True, eq=False)
class DataSet:
    """Images to train on and to measure on, with or without labels."""

    name: str
    """Short, for sentences."""
    digest: str
    """SHA-256 of images, labels and classes: tells the set from any other."""
    classes: tuple[str, ...]
    """The names of the classes, by their labels; none in a set without labels."""
    load: Callable[[Split], tuple[Tensor, Tensor | None]]
    """Gives the images of a split, uint8, shape (n, 1, 28, 28), and their labels, uint8, shape (n,), or None.

    Raises `DataError` if they cannot be read.
    """
    source: Source | None = None
    """From where it can be opened again; None: the bundled set, or one that was uploaded."""
    warnings: tuple[str, ...] = ()
    """Sentences on what is odd about it, though it can be used."""

    @property
    def is_mnist(self) -> bool:
        """Whether it is the bundled set."""
        return self.digest == MNIST_DIGEST

    @property
    def things(self) -> str:
        """What its images are, for sentences."""
        return "digits" if self.is_mnist else "images"

    def class_name(self, split: Split, index: int) -> str | None:
        """What an image shows, by its place among those of its split; None in a set without labels."""
        labels = self.labels(split)
        return None if labels is None else self.classes[int(labels[index])]

    @property
    def fields(self) -> dict[str, Any]:
        """What a recipe says of it: nothing of MNIST."""
        if self.is_mnist:
            return {"data": None, "data_digest": None}
        return {"data": self.name, "data_digest": self.digest}

    def is_of(self, config: TrainConfig) -> bool:
        """Whether a model with this training was trained on it."""
        return self.digest == (config.data_digest or MNIST_DIGEST)

    def images(self, split: Split) -> Tensor:
        """The images of a split, uint8, shape (n, 1, 28, 28).

        Raises:
            DataError: if they cannot be read.
        """
        return self.load(split)[0]

    def labels(self, split: Split) -> Tensor | None:
        """The labels of a split, uint8, shape (n,); None in a set without.

        Raises:
            DataError: if they cannot be read.
        """
        return self.load(split)[1]

    def labelled(self, split: Split) -> Mnist:
        """The images of a split with their labels, for what cannot do without.

        Raises:
            DataError: if there are none, or they cannot be read.
        """
        images, labels = self.load(split)
        if labels is None:
            raise DataError(
                f"The set {self.name} has no labels: this needs some. Put each class into a folder of "
                "its own, "
                "or add y_train to the arrays."
            )
        return Mnist(images, labels)

    def training_images(self, labels: Sequence[int] | None) -> Tensor:
        """The images to train on.

        Args:
            labels: of the classes to train on; None: all images.
        Raises:
            DataError: if there are none of these classes, or the set has no labels.
        """
        if labels is None:
            return self.images("train")
        images = self.labelled("train").of_digits(labels).images
        if not len(images):
            raise DataError(f"The set {self.name} holds no training images of these classes: name others.")
        return images


def digest_of(
    train: tuple[Tensor, Tensor | None], test: tuple[Tensor, Tensor | None], classes: Sequence[str]
) -> str:
    """SHA-256 of a set's images, labels and classes, in their order."""
    digest = hashlib.sha256()
    for images, labels in (train, test):
        digest.update(f"{tuple(images.shape)} {labels is not None}".encode())
        digest.update(images.contiguous().numpy().data)
        if labels is not None:
            digest.update(labels.contiguous().numpy().data)
    digest.update(repr(tuple(classes)).encode())
    return digest.hexdigest()


def name_of(config: TrainConfig) -> str:
    """The set that a model was trained on, for sentences."""
    return config.data or MNIST_NAME


def set_of(
    name: str,
    train: tuple[Tensor, Tensor | None],
    test: tuple[Tensor, Tensor | None],
    classes: Sequence[str],
    source: Source | None = None,
    warnings: Sequence[str] = (),
) -> DataSet:
    """A set that is in memory: images and labels of both splits as `DataSet.load` gives them."""
    splits: dict[Split, tuple[Tensor, Tensor | None]] = {"train": train, "test": test}
    digest = digest_of(train, test, classes)
    return DataSet(name, digest, tuple(classes), splits.__getitem__, source, tuple(warnings))


MNIST_DIGEST = "4c3e7a389084b7fea99beb11c684cc4a0893b9382f4485031b4f77c8e20a556e"
"""As `digest_of` gives it: known, so that nothing has to be read to tell that a model is of it."""
MNIST = DataSet(MNIST_NAME, MNIST_DIGEST, tuple("0123456789"), load_mnist)
"""The bundled set."""
