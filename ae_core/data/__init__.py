"""Image sets with checked digests: the bundled MNIST, and sets of one's own (`own.py`)."""

from ae_core.config import IMAGE_SIZE, PIXELS
from ae_core.data.dataset import MNIST, DataSet
from ae_core.data.mnist import (
    Mnist,
    Picture,
    first_test_pictures,
    load_mnist,
    shuffled_batches,
    to_array,
    to_float,
)

__all__ = [
    "IMAGE_SIZE",
    "MNIST",
    "PIXELS",
    "DataSet",
    "Mnist",
    "Picture",
    "first_test_pictures",
    "load_mnist",
    "shuffled_batches",
    "to_array",
    "to_float",
]
