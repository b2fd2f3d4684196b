"""Every metric against a computation written out in the test. Needs torch; small sets of random images."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook

from ae_core.analysis import evaluation
from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.evaluation import evaluate, measure_without_jacobians
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder


@pytest.fixture
def images():
    return torch.randint(
        0, 256, (6, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
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
        "l0": np.mean(np.sum(h != 0, 1)),
        "active_units": np.mean(np.sum(h > 0.1 * largest, 1)),
        "dead_units": np.sum(np.ptp(h, axis=0) < 1e-3 * np.ptp(h, axis=0).max()),
        "hoyer": np.mean((root - ratio) / (root - 1)),
        "code_variance": variance,
        "pixel_variance": 784 * noise,
    }
    for sigma in (0.1, 0.2, 0.3):
        noise_drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(0)).numpy()
        noisy = torch.from_numpy(np.clip(x.numpy() + sigma * noise_drawn, 0, 1).astype(np.float32))
        with torch.no_grad():
            moved, cleaned = (part.double().flatten(1).numpy() for part in model(noisy))
        distance = np.sqrt(np.mean(np.sum((moved - h) ** 2, 1)))
        expected[f"code_shift_{sigma}"] = distance / np.sqrt(variance)
        expected[f"denoising_mse_{sigma}"] = np.mean((np.clip(cleaned, 0, 1) - pixels) ** 2)
    for name, value in expected.items():
        assert found.value_of(name) == pytest.approx(value, rel=2e-4), name
    np.testing.assert_allclose(found.mean_activation, h.mean(0), atol=1e-5)
    np.testing.assert_allclose(found.max_activation, largest, atol=1e-5)
    assert set(found.as_dict()) == {*expected, "mean_activation", "max_activation"}


def test_scale_free_figures_survive_a_rescaled_code_and_the_plain_one_does_not(images):
    model = seeded_autoencoder(ModelConfig("contractive"), seed=3).eval()
    before = evaluate(model, images)
    with torch.no_grad():
        model.code_layer.weight /= 10
        model.code_layer.bias /= 10
        model.decoder_convolutions[0].weight *= 10
    after = evaluate(model, images)
    scale_free = ("test_mse", "relative_sensitivity", "reconstruction_jacobian_sq_norm", "hoyer", "l0")
    for name in (*scale_free, "active_units", "dead_units", "code_shift_0.2", "denoising_mse_0.2"):
        assert after.value_of(name) == pytest.approx(before.value_of(name), rel=1e-3), name
    norm = after.jacobians.jacobian_sq_norm
    assert norm == pytest.approx(before.jacobians.jacobian_sq_norm / 100, rel=1e-3)


def test_a_constant_code_has_no_relative_sensitivity_and_only_dead_units(images):
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    torch.nn.init.constant_(model.code_layer.bias, -100)
    found = evaluate(model, images)
    assert found.jacobians.relative_sensitivity is None
    assert found.jacobians.jacobian_sq_norm == 0
    assert found.code_shift == {0.1: None, 0.2: None, 0.3: None}
    assert found.dead_units == 64
    assert found.l0 == found.active_units == 0
    assert found.hoyer == 0


def test_what_needs_no_jacobian_is_the_same_without_them(images):
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    quick, whole = measure_without_jacobians(model, images), evaluate(model, images)
    assert quick.jacobians is None
    assert quick == replace(whole, jacobians=None)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluate_reports_after_every_chunk_of_work_up_to_the_end(monkeypatch, kind):
    for name in ("JACOBIAN_IMAGES", "RECONSTRUCTION_JACOBIAN_IMAGES"):
        monkeypatch.setattr(evaluation, name, 9)
    events, model = [], seeded_autoencoder(ModelConfig(kind), seed=3).eval()
    model.register_forward_hook(lambda _module, arguments, _output: events.append(len(arguments[0])))

    def counting(jacobian):
        return lambda model, x: events.append(len(x)) or jacobian(model, x)

    for name in ("encoder_jacobian", "reconstruction_jacobian"):
        monkeypatch.setattr(evaluation, name, counting(getattr(evaluation, name)))
    images = load_mnist("test").images[:2300]
    evaluate(model, images, lambda share: events.append(f"{share:.6f}"))
    work, shares = events[::2], [float(share) for share in events[1::2]]
    assert work == [*(1000, 1000, 300), *(1000, 1000, 1000), *(4, 4, 1), *(4, 4, 1)], (
        "told after each of them"
    )
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-2] < shares[-1] == 1


def test_who_is_told_of_progress_may_give_up_at_once(images):
    class EnoughError(Exception):
        pass

    def give_up(_share):
        raise EnoughError

    with pytest.raises(EnoughError):
        evaluate(seeded_autoencoder(ModelConfig("sparse"), seed=3), images, give_up)


def test_statistics_come_back_from_the_metrics_that_a_checkpoint_stores(images):
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    found = evaluate(model, images)
    x = to_float(images)
    with torch.no_grad():
        direct = CodeStatistics.of(x, model.encode(x))
    stored = CodeStatistics.from_metrics(found)
    torch.testing.assert_close(stored.mean_activation, direct.mean_activation)
    torch.testing.assert_close(stored.max_activation, direct.max_activation)
    relative = stored.relative_sensitivity(found.jacobians.jacobian_sq_norm)
    assert relative == found.jacobians.relative_sensitivity


@pytest.mark.parametrize("measure", [evaluate, measure_without_jacobians])
def test_a_measurement_switches_nothing_for_threads_that_train_meanwhile(images, measure, monkeypatch):
    settings = lambda: (  # noqa: E731
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.get_float32_matmul_precision(),
        torch.backends.cudnn.benchmark,
    )
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3).eval()
    before, seen = settings(), []
    # Of all modules: a layer with a hook of its own has no exact Jacobian of the fast kind.
    watching = register_module_forward_hook(lambda *_: seen.append(settings()))
    measure(model, images)
    watching.remove()
    assert set(seen) == {before}
    assert settings() == before


def test_a_float32_is_one_also_on_cuda_from_the_start():
    look = "import ae_core.analysis.evaluation, torch; print(torch.backends.cudnn.allow_tf32)"
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
    assert said.stdout == "False\n", said.stderr
