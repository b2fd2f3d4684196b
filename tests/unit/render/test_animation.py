"""A film as an animated PNG. Needs torch and Pillow."""

import io

import numpy as np
import torch
from PIL import Image

from ae_core.analysis.inspection import inspect
from ae_core.config import ModelConfig
from ae_core.model import seeded_autoencoder
from ae_core.render import maps
from ae_core.render.animation import animate


def test_an_animation_has_each_frame_s_own_maps_in_turn_and_goes_on_for_ever():
    x = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    frames = [(step, inspect(seeded_autoencoder(ModelConfig("sparse"), step), x)) for step in (0, 7, 30)]
    picture = Image.open(io.BytesIO(animate(frames, "sparse 5·10⁻³")))
    assert (picture.format, picture.n_frames, picture.info["loop"]) == ("PNG", 3, 0)
    largest = max(inspection.sensitivity_map.max() for _, inspection in frames)
    for index, (_, inspection) in enumerate(frames):
        picture.seek(index)
        seen = np.asarray(picture.convert("RGB"))
        for expected in (
            maps.grey_picture(inspection.reconstruction),
            maps.heat_map(inspection.sensitivity_map, largest),
        ):
            expected = np.asarray(Image.fromarray(expected).convert("RGB"))
            windows = [seen[56 : 56 + maps.MAP_PIXELS, left : left + maps.MAP_PIXELS] for left in _lefts()]
            assert any(np.array_equal(window, expected) for window in windows), index


def _lefts():
    return [12 + number * (maps.MAP_PIXELS + 12) for number in range(4)]
