"""What the engine is compared with: training as in the published code, and in plain PyTorch."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ae_core.config import Recipe
from ae_core.data import Mnist, shuffled_batches, to_float
from ae_core.model import Autoencoder, initial_model
from ae_core.penalties import kl_penalty
from ae_core.training.loop import learning_rate_at
from ae_core.training.step import bound_decoder


class Pictures(Dataset[tuple[Tensor, int]]):
    """MNIST as torchvision serves it: one PIL image at a time, made a tensor when it is asked for."""

    def __init__(self, mnist: Mnist) -> None:
        from torchvision.transforms import ToTensor

        self._mnist = mnist
        self._to_tensor = ToTensor()

    def __len__(self) -> int:
        return len(self._mnist.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self._mnist.images[index, 0].numpy())
        return self._to_tensor(image), int(self._mnist.labels[index])


def published_epoch(recipe: Recipe, mnist: Mnist, device: torch.device) -> Autoencoder:
    """Train one epoch as the published code does: images one by one, float32, no effective penalty."""
    model = initial_model(recipe).to(device).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=recipe.train.learning_rate)
    for x, _ in DataLoader(Pictures(mnist), recipe.train.batch_size, shuffle=True):
        x = x.to(device)
        loss = F.mse_loss(model(x).reconstruction, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return model


def plain_training(recipe: Recipe, images: Tensor, device: torch.device) -> Autoencoder:
    """Train a recipe in the same steps, with the true penalty, in plain PyTorch: float32, all by autograd.

    The contraction penalty is estimated as usual by a double backward pass, ||J^T v||^2 with random signs v.

    Args:
        images: uint8, shape (n, 1, 28, 28).
    """
    config, model = recipe.train, initial_model(recipe).to(device).train()
    betas = (config.adam_beta1, config.adam_beta2)
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate, betas=betas)
    order = torch.Generator().manual_seed(config.seed)
    total_steps = config.epochs * math.ceil(len(images) / config.batch_size)
    step = 0
    for _ in range(config.epochs):
        for indices in shuffled_batches(len(images), config.batch_size, order):
            x = to_float(images[indices]).to(device)
            # A recipe has a target exactly where its model is sparse.
            if config.sparsity_target is not None:
                code = model.encode(x)
                penalty = kl_penalty(code, config.sparsity_target)
            else:
                code, penalty = plain_contraction(model, x, config.probe_fraction)
            loss = F.mse_loss(model.decode(code), x) + config.penalty_weight * penalty
            for group in optimizer.param_groups:
                group["lr"] = learning_rate_at(config, step, total_steps)
            optimizer.zero_grad()
            loss.backward()
            if config.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            if config.max_decoder_norm is not None:
                bound_decoder(model, config.max_decoder_norm)
            step += 1
    return model.eval()


def plain_contraction(model: Autoencoder, x: Tensor, fraction: float) -> tuple[Tensor, Tensor]:
    """The codes (batch, K), and the penalty, a scalar, estimated on the recipe's share of the batch."""
    probed = max(1, round(fraction * len(x)))
    head = x[:probed].requires_grad_()
    code = model.encode(head)
    signs = torch.randint_like(code, 2) * 2 - 1
    gradient = torch.autograd.grad(code, head, signs, create_graph=True)[0]
    rest = [model.encode(x[probed:])] if probed < len(x) else []
    return torch.cat([code, *rest]), gradient.square().sum() / probed
