"""The Robustness view, held against independent computations. Needs the shipped checkpoints."""

import re

import numpy as np
import pytest

from ae_core import checkpoints
from ae_core.analysis.corruption import CORRUPTIONS
from ae_core.analysis.inspection import inspect
from ae_core.checkpoints import load_checkpoint
from ae_core.data import load_mnist
from tests.app.conftest import decoded, texts, values_on
from tests.app.opened_views import X, chart_of, column_texts, opened


def test_a_strength_of_zero_moves_nothing_and_more_moves_every_model(page):
    page = opened(page, "contractive", "Robustness")
    for name, corruption in CORRUPTIONS.items():
        page.button_group(key="change").set_value(name)
        page = page.run()
        slider = f"strength_{name.lower()}"
        page.slider(key=slider).set_value(0.0)
        page = page.run()
        for row in ("code moved, in spreads of the code", "reconstruction moved (RMS of the pixels)"):
            assert column_texts(page, row) == ["0"] * 8, name
        assert values_on(page)["Distance of the two"] == "0", name
        page.slider(key=slider).set_value(corruption.largest)
        page = page.run()
        moved = column_texts(page, "code moved, in spreads of the code")
        assert all(float(value) > 0 for value in moved), name
        for curve in chart_of(page, "moved")["data"]:
            assert decoded(curve["y"])[0] == 0, name


def test_the_contraction_curve_starts_at_the_jacobian_s_norm(page):
    page = opened(page, "contractive", "Robustness")
    checkpoint = load_checkpoint(checkpoints.ladder_paths("contractive")[1e-3])
    norm = inspect(checkpoint.model, X).jacobian_sq_norm
    expected = (norm / 784 / checkpoint.metrics.code_variance) ** 0.5
    (curve,) = (one for one in chart_of(page, "contraction_0")["data"] if one["name"] == "10⁻³")
    # Over 16 random directions.
    assert decoded(curve["y"])[0] == pytest.approx(expected, rel=0.2)
    assert len(chart_of(page, "contraction_1")["data"]) == 8
    (mark,) = chart_of(page, "contraction_1")["layout"]["shapes"]
    pixels = load_mnist("train").images[:11_000].flatten(1).numpy().astype(np.float32) / 255
    squares = (pixels**2).sum(1)
    apart = squares[:1000, None] + squares[None, 1000:] - 2 * pixels[:1000] @ pixels[1000:].T
    assert mark["x0"] == pytest.approx(float(np.median(np.sqrt(apart.min(1)))), rel=1e-3)
    (said,) = (text for text in texts(page.main.caption) if text.startswith("At this drawing the curve"))
    assert "under 10⁻³" in said


def test_a_radius_too_large_for_the_limit_is_said_to_be_so(page):
    """At β = 0 the sparse code bends below any radius shown: nothing may be claimed of its limit."""
    page = opened(page, "sparse", "Robustness")
    (said,) = (text for text in texts(page.main.caption) if "None of the radii is that near" in text)
    near, far = said.split("None of the radii is that near under")
    assert re.search(r"\b0\b", far)
    assert "under 2·10⁻²" in near
