"""Noise on the input of a training that was interrupted. Needs torch and MNIST."""

import pytest
import torch

from ae_core.config import KINDS, RECIPES
from ae_core.data import load_mnist
from ae_core.model import initial_model
from ae_core.training.loop import train
from tests.unit.training.helpers import FLOAT32


@pytest.mark.parametrize("kind", KINDS)
def test_a_resumed_training_sees_the_noise_that_it_would_have_seen(kind):
    recipe = RECIPES[kind]["fast"].override(input_noise=0.3, batch_size=20, epochs=3)
    images = load_mnist("train").images[:100]
    states, whole = [], initial_model(recipe)
    for _ in train(whole, images, recipe.train, FLOAT32, save=states.append):
        pass
    (middle,) = (state for state in states if state.step == 5)
    resumed = initial_model(recipe)
    for _ in train(resumed, images, recipe.train, FLOAT32, resume=middle):
        pass
    for name, value in resumed.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name]), name
