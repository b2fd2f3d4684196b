"""Fifty steps of every recipe end where they always ended, whatever moved meanwhile. Needs torch.

In double precision and from weights that no processor rounds differently: otherwise some recipes' large first
steps make of the last digit of an initial weight the first digit of a final one.
For a change that is meant to change them, `python -m tests.unit.training.test_fifty_steps` writes them anew.
"""

import json
import math
from pathlib import Path

import pytest
import torch

from ae_core.config import KINDS, RECIPE_NAMES, RECIPES
from ae_core.data import load_mnist
from ae_core.model import Autoencoder, initial_model
from ae_core.training.compute import Compute
from ae_core.training.loop import train

KNOWN = Path(__file__).with_name("fifty_steps.json")
STEPS = 50
EPOCHS = 2
CASES = [
    (kind, name)
    for kind in KINDS
    for name in RECIPE_NAMES
    # Normal numbers are not the same to the last digit on all processors.
    if RECIPES[kind][name].train.input_noise == 0
]


def spread(count):
    """As many values over [-1, 1), from whole numbers: not a bit differs between processors."""
    number = torch.arange(1, count + 1)
    return (number * number * 2654435761 % 2**32).double() / 2**31 - 1


def projections(model):
    """Each tensor of weights, as its product with one fixed vector."""
    return {
        key: (value.double().flatten() @ spread(value.numel())).item()
        for key, value in model.state_dict().items()
    }


def trained(kind, name):
    """The model after fifty steps; the last batch of each of the two epochs is a short one."""
    recipe = RECIPES[kind][name]
    batch_size = min(recipe.train.batch_size, 24)
    images = load_mnist("train").images[: batch_size * STEPS // EPOCHS - batch_size // 2]
    model = Autoencoder(recipe.model).double()
    with torch.no_grad():
        for value in model.parameters():
            # Biases small, weights as PyTorch has them.
            bound = 0.01 if value.dim() == 1 else 1 / math.sqrt(value[0].numel())
            value.copy_(spread(value.numel()).view(value.shape) * bound)
    config = recipe.override(epochs=EPOCHS, batch_size=batch_size).train
    *_, last = train(model, images, config, Compute(torch.device("cpu"), torch.float64, ""))
    assert last.step == STEPS
    return model


def values():
    """All values, as they are now."""
    return {
        f"{kind} {name}": {
            "initial": projections(initial_model(RECIPES[kind][name])),
            "trained": projections(trained(kind, name)),
        }
        for kind, name in CASES
    }


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_fifty_steps_end_where_they_ended(kind, name):
    known = json.loads(KNOWN.read_text())[f"{kind} {name}"]
    assert projections(initial_model(RECIPES[kind][name])) == pytest.approx(known["initial"], abs=1e-4)
    assert projections(trained(kind, name)) == pytest.approx(known["trained"], rel=1e-4, abs=1e-5)


if __name__ == "__main__":
    KNOWN.write_text(json.dumps(values(), indent=1) + "\n")
