"""Single units against decodings written out by hand. Needs torch and the bundled test images."""

import torch

from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder
from ae_core.units import contributions, strongest_units, unit_use, without_units


def sparse_model():
    return seeded_autoencoder(ModelConfig("sparse"), seed=1, gain=2.0).requires_grad_(False)


def test_the_strongest_units_come_first_and_silent_ones_not_at_all():
    code = torch.tensor([0.0, 0.2, 0.9, 0.0, 0.5])
    assert strongest_units(code, 2) == [2, 4]
    assert strongest_units(code, 5) == [2, 4, 1]
    assert strongest_units(torch.zeros(5), 3) == []


def test_units_are_switched_off_in_a_copy():
    code = torch.tensor([1.0, 2.0, 3.0])
    assert without_units(code, {0, 2}).tolist() == [0, 2, 0]
    assert without_units(code, []).tolist() == [1, 2, 3]
    assert code.tolist() == [1, 2, 3]


def test_a_contribution_is_the_picture_with_the_unit_minus_the_one_without():
    model = sparse_model()
    code = model.encode(to_float(load_mnist("test").images[:1]))[0]
    units = strongest_units(code, 3)
    added = contributions(model, code, units)
    assert added.shape == (3, 28, 28)
    for unit, one in zip(units, added, strict=True):
        silenced = code.clone()
        silenced[unit] = 0
        expected = model.decode(code[None]).clamp(0, 1) - model.decode(silenced[None]).clamp(0, 1)
        torch.testing.assert_close(one, expected[0, 0])
        assert one.abs().max() > 0
    assert contributions(model, code, []).shape == (0, 28, 28)


def test_the_examples_of_a_unit_are_the_images_that_activate_it_most():
    model = sparse_model()
    images = load_mnist("test").images[:1500]
    codes = model.encode(to_float(images))
    use = unit_use(model, images, codes.amax(0), examples=4)
    assert use.examples.shape == (64, 4)
    for unit in (0, 31, 63):
        order = codes[:, unit].argsort(descending=True, stable=True)[:4]
        torch.testing.assert_close(codes[use.examples[unit], unit], codes[order, unit])
    torch.testing.assert_close(use.density, (codes > 0.1 * codes.amax(0)).float().mean(0))
