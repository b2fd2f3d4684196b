"""The two networks, and their convolutions in the form that trains fastest."""

from ae_core.model.autoencoder import (
    ACTIVATIONS,
    Autoencoder,
    AutoencoderOutput,
    Part,
    RectifiedTanh,
    initial_model,
    seeded_autoencoder,
)

__all__ = [
    "ACTIVATIONS",
    "Autoencoder",
    "AutoencoderOutput",
    "Part",
    "RectifiedTanh",
    "initial_model",
    "seeded_autoencoder",
]
