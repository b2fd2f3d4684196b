"""Every metric against a computation written out in the test. Needs torch; small sets of random images."""

import math

import numpy as np
import pytest
import torch

from ae_core.config import KINDS, ModelConfig
from ae_core.data import to_float
from ae_core.metrics import (
    CodeStatistics,
    activation_density,
    active_units,
    contraction_curve,
    dead_units,
    evaluate,
    hoyer,
    l0,
)
from ae_core.model import seeded_autoencoder


@pytest.fixture
def images():
    return torch.randint(
        0, 256, (24, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def reverse_mode(function, image):
    return torch.func.jacrev(lambda pixels: function(pixels[None])[0].flatten(), chunk_size=128)(
        image
    ).flatten(1)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_matches_every_definition_written_out(kind, images):
    model = seeded_autoencoder(ModelConfig(kind), seed=3).eval()
    found = evaluate(model, images)
    x = to_float(images)
    with torch.no_grad():
        code, reconstruction = model(x)
        norms = torch.stack([reverse_mode(model.encode, image).square().sum() for image in x])
        whole = torch.stack(
            [reverse_mode(lambda one: model(one).reconstruction, i).square().sum() for i in x]
        )
    h, pixels = code.double().numpy(), x.flatten(1).double().numpy()
    clamped = np.clip(reconstruction.double().numpy(), 0, 1).reshape(len(x), -1)
    variance = np.mean(np.sum((h - h.mean(0)) ** 2, 1))
    noise = np.mean(np.sum((pixels - pixels.mean(0)) ** 2, 1)) / 784
    largest = h.max(0)
    root = math.sqrt(h.shape[1])
    ratio = np.abs(h).sum(1) / np.sqrt((h**2).sum(1))
    expected = {
        "test_mse": np.mean((clamped - pixels) ** 2),
        "jacobian_sq_norm": norms.mean().item(),
        "relative_sensitivity": norms.mean().item() * noise / variance,
        "reconstruction_jacobian_sq_norm": whole.mean().item(),
        "l0": np.mean(np.sum(h > 0.1 * largest, 1)),
        "dead_units": np.sum(largest < 0.1 * largest.max()),
        "hoyer": np.mean((root - ratio) / (root - 1)),
        "code_variance": variance,
        "pixel_variance": 784 * noise,
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=2e-4), name
    np.testing.assert_allclose(found["mean_activation"], h.mean(0), atol=1e-5)
    np.testing.assert_allclose(found["max_activation"], largest, atol=1e-5)
    assert set(found) == {*expected, "mean_activation", "max_activation"}


def test_scale_free_figures_survive_a_rescaled_code_and_the_plain_one_does_not(images):
    model = seeded_autoencoder(ModelConfig("contractive"), seed=3).eval()
    before = evaluate(model, images)
    with torch.no_grad():
        model.encoder[4].weight /= 10
        model.encoder[4].bias /= 10
        model.decoder[0].weight *= 10
    after = evaluate(model, images)
    for name in ("test_mse", "relative_sensitivity", "reconstruction_jacobian_sq_norm", "hoyer", "l0"):
        assert after[name] == pytest.approx(before[name], rel=1e-3), name
    assert after["jacobian_sq_norm"] == pytest.approx(before["jacobian_sq_norm"] / 100, rel=1e-3)


def test_a_constant_code_has_no_relative_sensitivity_and_only_dead_units(images):
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    torch.nn.init.constant_(model.encoder[4].bias, -100)
    found = evaluate(model, images)
    assert found["relative_sensitivity"] is None
    assert found["jacobian_sq_norm"] == 0
    assert found["dead_units"] == 64
    assert found["l0"] == 0
    assert found["hoyer"] == 0


def test_evaluate_reports_progress_up_to_the_end(images):
    shares = []
    evaluate(seeded_autoencoder(ModelConfig("sparse"), seed=3), images, shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)


def test_hoyer_is_one_for_one_unit_and_zero_for_equal_units():
    assert hoyer(torch.tensor([[0.0, 3.0, 0.0, 0.0]])) == pytest.approx(1)
    assert hoyer(torch.full((2, 4), 0.7)) == pytest.approx(0, abs=1e-6)


def test_active_l0_dead_and_density_on_a_code_counted_by_hand():
    codes = torch.tensor([[1.0, 0.04, 0.0], [0.05, 0.02, 0.0], [0.5, 0.0, 0.0], [0.2, 0.04, 0.0]])
    largest = codes.amax(0)
    expected = [[True, True, False], [False, True, False], [True, False, False], [True, True, False]]
    assert active_units(codes, largest).tolist() == expected
    assert l0(codes, largest) == pytest.approx(6 / 4)
    # Unit 1 reaches 0.04, under a tenth of unit 0's 1.0; unit 2 never fires.
    assert dead_units(largest) == 2
    assert activation_density(codes, largest).tolist() == [0.75, 0.75, 0.0]


def test_statistics_come_back_from_the_metrics_that_a_checkpoint_stores(images):
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    found = evaluate(model, images)
    x = to_float(images)
    with torch.no_grad():
        direct = CodeStatistics.of(x, model.encode(x))
    stored = CodeStatistics.from_metrics(found)
    torch.testing.assert_close(stored.mean_activation, direct.mean_activation)
    torch.testing.assert_close(stored.max_activation, direct.max_activation)
    assert stored.relative_sensitivity(found["jacobian_sq_norm"]) == pytest.approx(
        found["relative_sensitivity"]
    )


def test_contraction_curve_tends_to_the_jacobian_norm_for_small_radii():
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).double().requires_grad_(False)
    x = torch.rand(400, 1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (near,) = contraction_curve(model, x, [1e-6], torch.Generator().manual_seed(2))
    norms = torch.stack([reverse_mode(model.encode, image).square().sum() for image in x[:60]])
    assert near**2 == pytest.approx(norms.mean().item() / 784, rel=0.1)
