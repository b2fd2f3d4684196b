"""Small models of every kind in float64, and images for them. Needs torch."""

import torch

from ae_core.config import CODE_ACTIVATIONS, KINDS, ModelConfig
from ae_core.model import seeded_autoencoder

ALL_MODELS = [(kind, activation) for kind in KINDS for activation in CODE_ACTIVATIONS[kind]]


def model_and_images(kind, activation=None, batch=3, output=None):
    model = seeded_autoencoder(ModelConfig(kind, activation, output), seed=1).double()
    images = torch.rand(batch, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    return model.requires_grad_(False), images
