"""The Jacobian view, held against independent computations. Needs the shipped checkpoints."""

import numpy as np
import pytest
import torch

from ae_core import checkpoints
from ae_core.checkpoints import load_checkpoint
from ae_core.config import KINDS
from tests.app.conftest import decoded, values_on
from tests.app.opened_views import X, chart_of, labels, models, opened


@pytest.mark.parametrize("kind", KINDS)
def test_the_spectra_are_numpys_plain_and_divided(page, kind):
    page = opened(page, kind, "Jacobian")
    expected = []
    # The weakest penalty, one in the middle, and what follows the ladder: numpy takes seconds for each.
    checked = slice(0, None, 4)
    for model in models(kind)[checked]:
        jacobian = torch.func.jacrev(lambda x, model=model: model.encode(x[None])[0], chunk_size=128)(X[0])
        jacobian = jacobian.detach().flatten(1).numpy().astype(float)
        # Of the smaller of the two products: several times as fast as the decomposition itself.
        products = min(jacobian @ jacobian.T, jacobian.T @ jacobian, key=len)
        expected.append(np.sqrt(np.linalg.eigvalsh(products)[::-1].clip(0)))
    for relative in (False, True):
        page.toggle(key="relative_spectrum").set_value(relative)
        page = page.run()
        curves = chart_of(page, "spectra")["data"]
        assert [curve["name"] for curve in curves] == labels(kind)
        for curve, values in zip(curves[checked], expected, strict=True):
            shown = decoded(curve["y"])
            leading = slice(0, 30)
            scale = values[0] if relative else 1.0
            np.testing.assert_allclose(shown[leading], values[leading] / scale, rtol=2e-3)


def test_the_norm_s_estimates_come_with_their_exact_standard_errors(page):
    page = opened(page, "contractive", "Jacobian")
    model = models("contractive")[3]
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(X[0])
    jacobian = jacobian.detach().flatten(1).double().numpy()
    gram = jacobian.T @ jacobian
    variance = 2 * ((gram**2).sum() - (np.diag(gram) ** 2).sum())
    (points,) = chart_of(page, "norm_estimates")["data"]
    assert points["x"] == ["1", "4", "16", "64"]
    bars = decoded(points["error_y"]["array"])
    np.testing.assert_allclose(bars, np.sqrt(variance / np.array([1, 4, 16, 64])), rtol=1e-3)
    exact = (jacobian**2).sum()
    assert float(values_on(page)["exact"]) == pytest.approx(exact, rel=1e-3)
    assert (np.abs(decoded(points["y"]) - exact) < 4 * bars).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_walk_starts_nowhere_and_follows_the_singular_value_only_near_the_drawing(page, kind):
    page = opened(page, kind, "Jacobian")
    weight = page.session_state[f"weight_A_{kind}"]
    model = load_checkpoint(checkpoints.ladder_paths(kind)[weight]).model.double()
    x = X.double()
    page.select_slider(key="distance").set_value(0.0)
    page = page.run()
    assert float(values_on(page)["Code moves, along tangent 1"]) == 0
    jacobian = torch.func.jacrev(lambda x: model.encode(x[None])[0], chunk_size=128)(x[0]).detach()
    _, values, right = torch.linalg.svd(jacobian.flatten(1), full_matrices=False)
    tangent = right[1] * (right[1] * right[1].abs()).sum().sign()
    page.select_slider(key="tangent").set_value(2)
    for distance in (0.001, 4.0, -4.0):
        page.select_slider(key="distance").set_value(distance)
        page = page.run()
        assert not page.exception
        with torch.no_grad():
            move = (model.encode(x + distance * tangent.view(1, 1, 28, 28)) - model.encode(x)).norm().item()
        moved = float(values_on(page)["Code moves, along tangent 2"])
        assert moved == pytest.approx(move, rel=0.01)
        ratio = moved / float(values_on(page)["in 64 random directions (root mean square)"].split(" ±")[0])
        assert float(values_on(page)["tangent over random"]) == pytest.approx(ratio, rel=0.01)
    near, far = decoded(chart_of(page, "walk")["data"][0]["y"])[[0, -1]]
    assert near == pytest.approx(0.001 * values[1].item(), rel=0.2)
    assert far == pytest.approx(move, rel=0.01)
