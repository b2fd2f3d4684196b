"""A drawing or a photo as an MNIST-like image."""

from ae_core.drawing.centring import to_mnist

__all__ = ["to_mnist"]
