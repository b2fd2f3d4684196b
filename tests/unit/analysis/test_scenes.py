"""The five scenes: what each says of 60 test digits, held against torch.func, numpy and its own words.

Needs the shipped checkpoints, their probes and the shipped film.
"""

import copy
import re
from functools import cache

import numpy as np
import pytest
import torch

from ae_core.analysis.codes import CodeStatistics
from ae_core.analysis.inspection import Seen
from ae_core.analysis.scenes import SCENES, Subject
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.film import film_path, load_film
from ae_core.checkpoints.library import ladder_paths
from ae_core.checkpoints.probe_file import load_probe, probe_path
from ae_core.data import load_mnist, to_float
from ae_core.drawing import to_mnist
from ae_core.drawing.samples import SAMPLES
from ae_core.drawing.strokes import ink_of

COPYING, SHAKING, PENALTY, BUYING, LEARNING = SCENES
DIGITS = range(60)


@cache
def subject(kind, weight):
    path = ladder_paths(kind)[weight]
    checkpoint = load_checkpoint(path)
    return Subject(
        checkpoint.model,
        CodeStatistics.from_metrics(checkpoint.metrics),
        checkpoint.metrics.test_mse,
        lambda: load_probe(probe_path(path), checkpoint.model).errors["probe_error_all"],
        lambda: moments(path),
    )


@cache
def moments(path):
    film = load_film(film_path(path))
    return [(frame.step, film.model(frame)) for frame in film.frames]


def seen(index):
    x = to_float(load_mnist("test").images[index : index + 1])
    return Seen(x, x)


def answer(scene, picture, **settings):
    return scene.answer(picture, subject, {**scene.settings, **settings})


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\.?\d*(?:e[+-]?\d+)?", text)]


def error_of(model, x, clean):
    with torch.no_grad():
        returned = np.clip(copy.deepcopy(model)(x)[1].numpy().astype(np.float64), 0, 1)
    return ((returned - clean.numpy()) ** 2).mean((1, 2, 3))


@pytest.mark.parametrize("index", DIGITS)
def test_copying_says_how_much_is_lost(index):
    picture = seen(index)
    squares = picture.x.square().mean().item()
    lost = [error_of(subject("contractive", w).model, picture.x, picture.x)[0] / squares for w in (0.0, 0.1)]
    found = answer(COPYING, picture)
    expected = 0 if max(lost) < 0.1 else 1 if lost[0] < 0.1 else 2
    assert found.right == (expected,)
    said = [float(percent) for percent in re.findall(r"([\d.]+)%", found.sentence)]
    assert said == pytest.approx([100 * share for share in lost], abs=0.006)
    assert ("room enough to copy" in found.why) == (lost[0] < 0.1)


def test_copying_is_true_of_the_smiley_that_the_scene_shows():
    x = to_mnist(ink_of(SAMPLES[COPYING.sample], 280, None))
    assert answer(COPYING, Seen(x, x)).right == (0,)


@pytest.mark.parametrize("index", range(0, 60, 4))
@pytest.mark.parametrize("noise", [0.1, 0.25, 0.5])
def test_shaking_does_not_hang_on_the_draw(index, noise):
    """Other draws of the noise, by numpy, give the same verdict, or it says that it cannot be told."""
    picture = seen(index)
    chance = np.random.default_rng(index)
    draws = picture.clean.numpy() + noise * chance.standard_normal((64, 1, 28, 28))
    noisy = torch.tensor(np.clip(draws, 0, 1), dtype=torch.float32)
    plain, strong = (
        error_of(subject("contractive", w).model, noisy, picture.clean).mean() for w in (0.0, 0.1)
    )
    found = answer(SHAKING, picture, noise=noise)
    ratio = plain / strong
    place = 0 if ratio < 1 / 1.1 else 1 if ratio < 1.1 else 2
    assert place in found.right or min(abs(ratio * 1.1 - 1), abs(ratio / 1.1 - 1)) < 0.03
    said = float(re.search(r"([\d.]+)(?: ± [\d.e-]+)? times as large", found.sentence)[1])
    assert said == pytest.approx(ratio, rel=0.15)
    assert ("cannot come back" in found.why) == (found.right == (2,))


@pytest.mark.parametrize("index", DIGITS)
def test_shaking_shows_at_the_scene_s_noise_what_the_penalty_is_for(index):
    assert answer(SHAKING, seen(index)).right == (2,)


def test_without_noise_there_is_nothing_to_shake():
    found = answer(SHAKING, seen(0), noise=0.0)
    assert found.right == ()
    assert "move the slider" in found.sentence


@pytest.mark.parametrize("index", DIGITS)
def test_the_hundredfold_penalty_s_values_are_those_of_torch_func(index):
    picture = seen(index)
    norms = []
    for weight in (1e-5, 1e-3):
        model = subject("contractive", weight).model
        jacobian = torch.func.jacrev(lambda x, model=model: model.encode(x[None])[0], chunk_size=128)
        # The whole of it for a few digits: it takes a second.
        exact = jacobian(picture.x[0]).square().sum().item() if index % 20 == 0 else None
        norms.append(exact)
    found = answer(PENALTY, picture)
    weak, strong, fall = numbers(
        re.search(r"goes from (.*?)\. ‖J‖² depends", found.sentence)[1]
        .replace("λ = 10⁻⁵", "")
        .replace("λ = 10⁻³", "")
    )
    assert fall == pytest.approx(weak / strong, rel=0.02)
    expected = 0 if fall < 1.5 else 1 if fall < 100 / 1.5 else 2 if fall < 150 else 3
    assert found.right == (expected,)
    assert ("would cost more error than it saves" in found.why) == (expected < 2)
    if norms[0] is not None:
        assert (weak, strong) == pytest.approx(norms, rel=0.01)


def test_what_sparsity_buys_is_what_its_probes_say():
    before, after = (subject("sparse", w).reading_error() for w in (0.0, 2e-2))
    found = answer(BUYING, seen(0))
    assert found.right == ((2,) if after < before - 0.5 else (0,) if after > before + 0.5 else (1,))
    assert f"errs on {after:.1f} instead of {before:.1f} %" in found.sentence
    assert answer(BUYING, seen(5)) == found, "it does not hang on the drawing"
    fewer = subject("sparse", 2e-2), subject("sparse", 0.0)
    with torch.no_grad():
        x = to_float(load_mnist("test").images[:1000])
        active = [
            (one.model.encode(x) > 0.1 * one.statistics.max_activation).float().mean().item() for one in fewer
        ]
    assert active[0] < active[1], "the explanation says so"


def test_without_probes_nothing_is_said_of_reading():
    def bare(kind, weight):
        return subject(kind, weight)._replace(reading_error=lambda: None, moments=list)

    for scene in (BUYING, LEARNING):
        found = scene.answer(seen(0), bare, scene.settings)
        assert found.right == ()
        assert "make " in found.sentence


@pytest.mark.parametrize("index", DIGITS)
def test_when_the_error_falls_is_what_the_film_shows(index):
    picture = seen(index)
    film = moments(ladder_paths("sparse")[5e-3])
    errors = [error_of(model, picture.x, picture.x)[0] for _, model in film]
    halved = next(at for at, error in enumerate(errors) if error <= errors[0] / 2)
    found = answer(LEARNING, picture)
    share = film[halved][0] / film[-1][0]
    assert found.right == ((0,) if share <= 0.1 else (1,) if share <= 0.5 else (2,))
    assert (
        f"between steps {film[halved - 1][0]:,} and {film[halved][0]:,} of {film[-1][0]:,}" in found.sentence
    )


def test_at_first_all_pictures_come_back_alike_as_the_explanation_says():
    film = moments(ladder_paths("sparse")[5e-3])
    x = to_float(load_mnist("test").images[:60])
    spread = x.var(0).mean().item()
    with torch.no_grad():
        returned = [model(x)[1].clamp(0, 1).var(0).mean().item() / spread for _, model in film]
    steps = [step for step, _ in film]
    early = [share for step, share in zip(steps, returned, strict=True) if step < 200]
    assert max(early) < 0.01
    assert returned[-1] > 0.7


def test_every_scene_is_told_in_full():
    assert len(SCENES) == 5
    for scene in SCENES:
        assert scene.question.endswith("?")
        assert scene.discuss.endswith("?")
        assert len(scene.predictions) >= 3
        assert scene.symbols
