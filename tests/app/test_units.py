"""The Sparsity view, held against independent computations. Needs the shipped checkpoints."""

import numpy as np
import pytest
import torch

from ae_core import checkpoints
from ae_core.checkpoints import load_checkpoint
from ae_core.config import KINDS
from ae_core.data import load_mnist, to_float
from tests.app.conftest import decoded, enlarged_digit, put_on_canvas, values_on
from tests.app.opened_views import X, chart_of, opened


@pytest.mark.parametrize("kind", KINDS)
def test_a_unit_switched_off_changes_the_reconstruction_and_reset_gives_it_back(page, kind):
    page = opened(page, kind, "Units")
    model = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]]).model
    with torch.inference_mode():
        code = model.encode(X)[0]
        strongest = int(code.argmax())
        silenced = code.clone()
        silenced[strongest] = 0
        whole, without = model.decode(torch.stack([code, silenced])).clamp(0, 1)
    before = values_on(page)
    assert before["Mean squared change of the picture"] == "0.00000"
    page.button(key=f"unit_{strongest}").click()
    page = page.run()
    after = values_on(page)
    assert after["Units switched off"] == str(strongest)
    assert after["Mean squared change of the picture"] == f"{(whole - without).square().mean().item():.5f}"
    assert after["MSE without them"] == f"{(without - X).square().mean().item():.5f}"
    assert float(after["Mean squared change of the picture"]) > 0
    # A unit that is off stays in sight with another drawing, in which it may be weak.
    page = put_on_canvas(page, enlarged_digit(0))
    assert page.button(key=f"unit_{strongest}").label == f"{strongest} off"
    page.button(key="units_reset").click()
    page = page.run()
    assert values_on(page)["Units switched off"] == "none"
    assert values_on(page)["Mean squared change of the picture"] == "0.00000"


@pytest.mark.parametrize("kind", KINDS)
def test_sparsity_s_charts_are_the_test_set_s_means_and_densities(page, kind):
    page = opened(page, kind, "Units", drawn=False)
    checkpoint = load_checkpoint(checkpoints.ladder_paths(kind)[page.session_state[f"weight_A_{kind}"]])
    with torch.inference_mode():
        codes = checkpoint.model.encode(to_float(load_mnist("test").images))
    means = decoded(chart_of(page, "unit_means")["data"][0]["y"])
    np.testing.assert_allclose(means, np.sort(codes.mean(0).numpy())[::-1], rtol=1e-3, atol=1e-6)
    density = (codes > 0.1 * codes.amax(0)).float().mean(0).numpy()
    active, never = (decoded(bars["y"]) for bars in chart_of(page, "density_histogram")["data"])
    assert never.tolist() == [(density == 0).sum()]
    assert active.sum() == (density > 0).sum()
    shown = values_on(page)
    assert shown["Active units per image"] == f"{density.sum():.1f} of {codes.shape[1]}"
    l0 = (codes != 0).float().sum(1).mean().item()
    assert shown["Units that are not zero, per image (l0)"] == f"{l0:.1f} of {codes.shape[1]}"
    ranges = codes.amax(0) - codes.amin(0)
    assert shown["Dead units"] == str(int((ranges < 1e-3 * ranges.max()).sum()))
