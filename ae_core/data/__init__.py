"""Image sets with checked digests."""

from ae_core.config import IMAGE_SIZE, PIXELS
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
    "PIXELS",
    "Mnist",
    "Picture",
    "first_test_pictures",
    "load_mnist",
    "shuffled_batches",
    "to_array",
    "to_float",
]
