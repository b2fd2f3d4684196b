"""What was computed of a picture is kept, and not for ever. Needs torch and the shipped checkpoints."""

from dataclasses import replace

import pytest
import torch

from ae_core.ui import library
from ae_core.ui.sight import Sight

X = torch.rand(1, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def seen():
    return Sight(X, X)


def test_a_model_s_picture_is_computed_once(seen):
    shown = library.rung("sparse", 5e-3)
    assert seen.inspect(shown) is seen.inspect(shown)
    assert seen.html("a part", lambda: "drawn") == seen.html("a part", lambda: "drawn again") == "drawn"


def test_a_model_in_training_that_is_another_one_each_time_fills_no_memory(seen):
    shown = library.rung("sparse", 5e-3)
    moments = [replace(shown, number=-number) for number in range(1, 200)]
    for moment in moments:
        seen.inspect(moment)
        seen.reconstruct([shown, moment])
        seen.html(moment.number, str)
    kept = (seen._inspections, seen._reconstructions, seen._html)
    assert {len(known) for known in kept} == {64}
    assert moments[-1].number in seen._inspections
