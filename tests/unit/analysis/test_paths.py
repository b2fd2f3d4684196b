"""Ways between two pictures: their ends, and what the model makes of the steps. Needs torch."""

import numpy as np
import torch

from ae_core.analysis.paths import walk_between
from ae_core.analysis.vectors import encode_all
from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.jacobian import encoder_jacobian
from ae_core.model import seeded_autoencoder

IMAGES = load_mnist("train").images[:200]
MODEL = seeded_autoencoder(ModelConfig("sparse"), seed=1, gain=2.0).requires_grad_(False)
START, END = to_float(load_mnist("test").images[[0, 1]]).split(1)


def test_the_ends_are_the_two_reconstructions_and_the_two_pictures():
    known = encode_all(MODEL, IMAGES)
    through_code, through_pixels = walk_between(MODEL, START, END, known, 7)
    for way, ends in (
        (through_code, [MODEL(one)[1].clamp(0, 1) for one in (START, END)]),
        (through_pixels, [START, END]),
    ):
        assert way.pictures.shape == (7, 28, 28)
        for picture, end in zip(way.pictures[[0, -1]], ends, strict=True):
            np.testing.assert_allclose(picture, end[0, 0], atol=1e-5)


def test_each_step_has_the_norm_of_its_jacobian_and_the_distance_of_its_code():
    known = encode_all(MODEL, IMAGES)
    ways = walk_between(MODEL, START, END, known, 3)
    codes = torch.lerp(MODEL.encode(START), MODEL.encode(END), 0.5)
    middle = torch.from_numpy(ways.through_code.pictures[1])[None, None]
    blend = (START + END) / 2
    for way, code, picture in (
        (ways.through_code, codes, middle),
        (ways.through_pixels, MODEL.encode(blend), blend),
    ):
        norm = encoder_jacobian(MODEL, picture).norm().item()
        np.testing.assert_allclose(way.jacobian_norms[1], norm, rtol=1e-4)
        nearest = torch.cdist(code, torch.from_numpy(known.rows)).min().item()
        np.testing.assert_allclose(way.distances[1], nearest, rtol=1e-3)
