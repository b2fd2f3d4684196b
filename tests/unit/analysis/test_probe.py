"""Probes, held against an independent implementation. Needs torch, scikit-learn and MNIST; takes seconds."""

import numpy as np
import pytest
import torch

from ae_core.analysis import probe as probes
from ae_core.analysis import readers
from ae_core.analysis.confusions import confusions, images_in
from ae_core.analysis.corruption import add_noise
from ae_core.analysis.probe import measure_probe
from ae_core.analysis.probe_errors import ERRORS
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.data import Mnist, load_mnist, to_float
from ae_core.errors import ProbeError

SMALL = 4000
HELD_OUT = 1000


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    monkeypatch.setattr(probes, "_HELD_OUT", HELD_OUT)


def part(split, count):
    whole = load_mnist(split)
    return Mnist(whole.images[:count], whole.labels[:count])


def sparse_model():
    return load_checkpoint(ladder_paths("sparse")[5e-3]).model


@pytest.fixture(scope="module")
def measured():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probes, "_HELD_OUT", HELD_OUT)
        shares = []
        found = measure_probe(sparse_model().encode, part("train", SMALL), part("test", 2000), shares.append)
        return found, shares


def newton(x, labels, penalty):
    """Multinomial logistic regression by L-BFGS on the loss as it stands in the books, in float64."""
    weight = torch.zeros(10, x.shape[1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(10, dtype=torch.float64, requires_grad=True)
    steps = torch.optim.LBFGS(
        [weight, bias], max_iter=500, line_search_fn="strong_wolfe", tolerance_grad=1e-7
    )

    def loss():
        steps.zero_grad()
        value = (
            torch.nn.functional.cross_entropy(x @ weight.T + bias, labels) + penalty / 2 * (weight**2).sum()
        )
        value.backward()
        return value

    steps.step(loss)
    return weight.detach(), bias.detach()


@torch.no_grad()
def independent_codes(model, images):
    return model.encode(images.float() / 255).double()


def test_the_errors_are_those_of_an_independent_implementation(measured):
    found, _ = measured
    model = sparse_model()
    train, test = part("train", SMALL), part("test", 2000)
    codes = independent_codes(model, train.images)
    mean, scale = codes.mean(0), codes.std(0, correction=0)
    x, labels = (codes - mean) / scale, train.labels.long()
    rest = SMALL - HELD_OUT

    def errors(weight, bias, code, truth):
        return 100 * (((code - mean) / scale @ weight.T + bias).argmax(1) != truth).double().mean().item()

    tried = {
        penalty: errors(*newton(x[:rest], labels[:rest], penalty), codes[rest:], labels[rest:])
        for penalty in readers.PENALTIES
    }
    best = min(tried, key=tried.get)
    weight, bias = newton(x, labels, best)
    truth = test.labels.long()
    # 2,000 images: one of them is 0.05 points.
    clean = errors(weight, bias, independent_codes(model, test.images), truth)
    assert found.errors["probe_error_all"] == pytest.approx(clean, abs=0.3)
    right = torch.roll(test.images, 1, 3)
    left, down, up = (
        torch.roll(test.images, -1, 3),
        torch.roll(test.images, 1, 2),
        torch.roll(test.images, -1, 2),
    )
    moved = torch.stack([(right, left, down, up)[i % 4][i] for i in range(2000)])
    shifted = errors(weight, bias, independent_codes(model, moved), truth)
    assert found.errors["probe_error_shift_1"] == pytest.approx(shifted, abs=0.5)
    assert shifted > clean


def test_the_noise_is_that_of_the_definition(measured):
    found, _ = measured
    test = part("test", 2000)
    generator = torch.Generator().manual_seed(0)
    for noise in (0.1, 0.3):
        generator.manual_seed(0)
        noisy = torch.cat([add_noise(to_float(chunk), noise, generator) for chunk in test.images.split(256)])
        with torch.no_grad():
            read = found.reader.probabilities(sparse_model().encode(noisy)).argmax(1)
        error = 100 * (read != test.labels).double().mean().item()
        assert found.errors[f"probe_error_noise_{noise:g}"] == pytest.approx(error, abs=0.11)
    assert found.errors["probe_error_noise_0.3"] > found.errors["probe_error_noise_0.1"]


def test_the_reader_says_what_the_stored_readings_say(measured):
    found, shares = measured
    test = part("test", 2000)
    with torch.no_grad():
        shares_of_digits = found.reader.probabilities(sparse_model().encode(to_float(test.images)))
    torch.testing.assert_close(shares_of_digits.sum(1), torch.ones(2000))
    assert (shares_of_digits.argmax(1) == found.read_as).float().mean() > 0.999
    error = 100 * (found.read_as != test.labels).double().mean().item()
    assert found.errors["probe_error_all"] == pytest.approx(error)
    assert tuple(found.errors) == ERRORS
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1.0)
    assert len(shares) > 100


def test_more_labels_tell_more(measured):
    errors = measured[0].errors
    assert errors["probe_error_all"] < errors["probe_error_1000"] < errors["probe_error_100"]
    assert 0 < errors["probe_error_100_deviation"] < 5


def test_nothing_of_the_test_set_reaches_the_reader(measured):
    found, _ = measured
    train, test = part("train", SMALL), part("test", 2000)
    poison = Mnist(255 - test.images.flip(0), (test.labels + 3) % 10)
    poisoned = measure_probe(sparse_model().encode, train, poison)
    for name in ("mean", "scale", "weight", "bias"):
        assert torch.equal(getattr(found.reader, name), getattr(poisoned.reader, name))
    assert poisoned.errors["probe_error_all"] > 80


def test_the_regularisation_is_chosen_on_held_out_training_images(monkeypatch):
    train = part("train", SMALL)
    chosen = []
    fit = readers.Readers._fit

    def spy(self, images, penalty, *rest):
        chosen.append(penalty)
        return fit(self, images, penalty, *rest)

    monkeypatch.setattr(readers.Readers, "_fit", spy)
    noise = torch.Generator().manual_seed(0)
    features = torch.randn(len(train.images), 300, generator=noise)
    # Features that mean nothing: the stronger the penalty, the better for what was not seen.
    found = readers.Readers(features.numpy(), train.labels.numpy(), HELD_OUT)
    found.of_all()
    assert chosen[-1] == max(readers.PENALTIES)


def test_a_probe_can_be_given_up():
    def give_up(share):
        if share > 0.6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_probe(sparse_model().encode, part("train", SMALL), part("test", 200), give_up)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        (lambda x: torch.ones(len(x), 5), "the same for every image"),
        (lambda x: torch.zeros(len(x), 5), "the same for every image"),
        (lambda x: x.flatten(1)[:, :5] * torch.nan, "not finite"),
    ],
)
def test_a_code_that_tells_nothing_is_a_sentence(features, said):
    with pytest.raises(ProbeError, match=said):
        measure_probe(features, part("train", SMALL), part("test", 200))


@pytest.mark.parametrize(
    ("train", "said"),
    [
        (
            lambda: Mnist(part("train", SMALL).images, part("train", 10).labels),
            "4,000 training images and 10",
        ),
        (lambda: Mnist(part("train", 0).images, part("train", 0).labels), "0 training images and 0 labels"),
        (lambda: load_mnist("train").of_digits([3]), "hold no 0 and no 1 and no 2 and no 4"),
        (lambda: part("train", SMALL).of_digits(range(9)), "hold no 9"),
    ],
)
def test_images_and_labels_that_make_no_probe_are_a_sentence(train, said):
    with pytest.raises(ProbeError, match=said):
        measure_probe(sparse_model().encode, train(), part("test", 200))


def test_features_that_never_change_are_no_matter():
    def features(x):
        flat = x.flatten(1)[:, 200:500]
        return torch.cat((flat, torch.full((len(x), 3), 0.1)), 1)

    found = measure_probe(features, part("train", SMALL), part("test", 1000))
    assert found.errors["probe_error_all"] < 40
    assert torch.equal(found.reader.scale[-3:], torch.ones(3))
    assert all(np.isfinite(value) for value in found.errors.values())


def test_confusions_count_every_image_once():
    labels = torch.tensor([0, 0, 1, 9, 9], dtype=torch.uint8)
    read_as = torch.tensor([0, 3, 1, 9, 4], dtype=torch.uint8)
    counts = confusions(labels, read_as)
    assert counts.sum() == 5
    assert counts[0, 3] == counts[9, 4] == counts[0, 0] == 1
    assert images_in(labels, read_as, 9, 4) == [4]
    assert images_in(labels, read_as, 4, 9) == []
