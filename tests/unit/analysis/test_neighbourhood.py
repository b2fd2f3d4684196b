"""How far codes move, from nearby to far away, against double precision and torch.func. Needs torch."""

import math

import numpy as np
import pytest
import torch

from ae_core.analysis.linearization import leading_tangents, linearize
from ae_core.analysis.neighbourhood import (
    code_distances,
    contraction_curve,
    linear_reach,
    random_directions,
    tangent_and_random,
    walk,
    walk_directions,
    walk_tangent,
)
from ae_core.checkpoints import load_checkpoint
from ae_core.checkpoints.library import ladder_paths
from ae_core.config import KINDS, ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder

X = to_float(load_mnist("test").images[:1])


def draws(seed=0):
    return torch.Generator().manual_seed(seed)


def jacobian_of(model, x):
    function = torch.func.jacrev(lambda image: model.encode(image[None])[0], chunk_size=128)
    return function(x[0]).detach().flatten(1)


def test_random_directions_are_units_and_isotropic():
    directions = random_directions(4000, draws()).flatten(1).double()
    assert directions.norm(dim=1).numpy() == pytest.approx(np.ones(4000), abs=1e-5)
    covariance = 784 * directions.T @ directions / len(directions)
    # Of independent pixels of variance 1: off the diagonal within 6 standard errors of nothing.
    off = covariance - torch.diag(covariance.diagonal())
    assert off.abs().max() < 6 / math.sqrt(4000)
    kurtosis = (directions * math.sqrt(784)).pow(4).mean().item()
    assert kurtosis == pytest.approx(3, abs=0.05), "normal, not signs"


@pytest.mark.parametrize("kind", KINDS)
def test_code_distances_are_the_norms_of_the_codes_differences(kind):
    model = seeded_autoencoder(ModelConfig(kind), seed=3)
    moved = torch.cat([X, torch.rand(2, 1, 28, 28, generator=draws(1))])
    with torch.no_grad():
        expected = (model.encode(moved) - model.encode(X)).norm(dim=1)
    found = code_distances(model, X, moved)
    assert found[0] == 0
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_the_contraction_curve_is_its_definition_in_double_precision(kind):
    model = seeded_autoencoder(ModelConfig(kind), seed=3)
    x = torch.rand(30, 1, 28, 28, generator=draws(1))
    radii, spread = (0.001, 0.1, 3.0), 0.7
    found = contraction_curve(model, x, radii, spread, seed=2)
    u = random_directions(30, draws(2)).double()
    precise = seeded_autoencoder(ModelConfig(kind), seed=3).double()
    with torch.no_grad():
        expected = [
            (precise.encode(x + r * u) - precise.encode(x.double())).square().sum(1).mean().sqrt().item()
            / (r * spread)
            for r in radii
        ]
    assert found == pytest.approx(expected, rel=1e-3)


def test_the_curve_tends_to_the_jacobian_s_norm_over_the_spread():
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3)
    x = torch.rand(400, 1, 28, 28, generator=draws(1))
    (near,) = contraction_curve(model, x, [1e-6], 0.5, seed=2)
    norms = torch.stack([jacobian_of(model, image[None]).square().sum() for image in x[:60]])
    assert near == pytest.approx(math.sqrt(norms.mean().item() / 784) / 0.5, rel=0.05)


@pytest.mark.parametrize(("kind", "weight"), [("sparse", 5e-3), ("sparse", 0.0), ("contractive", 1e-4)])
def test_the_linear_reach_is_where_double_precision_still_follows_the_jacobian(kind, weight):
    checkpoint = load_checkpoint(ladder_paths(kind)[weight])
    model, spread = checkpoint.model, math.sqrt(checkpoint.metrics.code_variance)
    radii = (0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0)
    curve = contraction_curve(model, X, radii, spread, 16)
    reach = linear_reach(model, X, radii, curve, spread, 0.05, 16)
    directions = random_directions(16, draws()).flatten(1)
    linear = (directions @ jacobian_of(model, X).T).square().sum(1).mean().sqrt().item() / spread
    near = [radius for radius, value in zip(radii, curve, strict=True) if abs(value / linear - 1) < 0.05]
    assert reach is None or reach in near
    beyond = radii[0] if reach is None else radii[radii.index(reach) + 1]
    assert beyond not in near


def test_no_radius_is_near_where_all_are_too_large():
    checkpoint = load_checkpoint(ladder_paths("sparse")[5e-3])
    spread = math.sqrt(checkpoint.metrics.code_variance)
    curve = contraction_curve(checkpoint.model, X, [1.0, 3.0], spread, 16)
    assert linear_reach(checkpoint.model, X, [1.0, 3.0], curve, spread, 0.05, 16) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_is_the_root_mean_square_over_its_directions_near_and_far(kind):
    model = load_checkpoint(ladder_paths(kind)[1e-2 if kind == "contractive" else 5e-3]).model
    directions, distances = random_directions(5, draws(3)), (0.001, 0.1, 2.0)
    precise = load_checkpoint(ladder_paths(kind)[1e-2 if kind == "contractive" else 5e-3]).model.double()
    with torch.no_grad():
        expected = [
            (precise.encode(X.double() + d * directions) - precise.encode(X.double()))
            .square()
            .sum(1)
            .mean()
            .sqrt()
            .item()
            for d in distances
        ]
    assert walk(model, X, directions, distances) == pytest.approx(expected, rel=2e-3)


def test_several_directions_per_image_are_that_many_images():
    model = seeded_autoencoder(ModelConfig("sparse"), seed=3)
    pair = torch.cat([X, X.flip(3)])
    repeated = torch.cat([X, X, X, X.flip(3), X.flip(3), X.flip(3)])
    expected = contraction_curve(model, repeated, [0.01, 1.0], 0.5)
    assert contraction_curve(model, pair, [0.01, 1.0], 0.5, directions=3) == expected


@pytest.mark.parametrize("distance", [-0.3, 2.0])
@pytest.mark.parametrize("kind", KINDS)
def test_a_walk_along_a_tangent_is_its_steps_in_double_precision(kind, distance):
    model, precise = (seeded_autoencoder(ModelConfig(kind), seed=3).requires_grad_(False) for _ in range(2))
    local, x = linearize(model, X), X.double()
    tangent, random = leading_tangents(local, 2)[1], walk_directions(8)
    walked = walk_tangent(model, X, local, tangent, distance, [0.1, 1.0], 8)
    precise, sign = precise.double(), math.copysign(1, distance)

    def moved_by(directions, length):
        moves = precise.encode(x + length * directions.double()) - precise.encode(x)
        return moves.square().sum(1).mean().sqrt().item()

    along = torch.from_numpy(tangent)[None, None]
    for path, directions in ((walked.along_tangent, along), (walked.at_random, random)):
        moved = X + distance * directions[:1]
        np.testing.assert_allclose(path.moved, moved[0, 0], atol=1e-6)
        reconstruction = model(moved).reconstruction.clamp(0, 1)[0, 0]
        np.testing.assert_allclose(path.reconstruction, reconstruction, atol=1e-5)
        expected = [moved_by(directions, sign * length) for length in (0.1, 1.0)]
        assert path.code_moves == pytest.approx(expected, rel=2e-3)
        slopes = jacobian_of(model, X) @ directions.flatten(1).T
        assert path.slope == pytest.approx(slopes.square().sum(0).mean().sqrt().item(), rel=1e-3)
    assert walked.code_moved == pytest.approx(moved_by(along, distance), rel=1e-4)
    assert walked.code_moved_at_random.value == pytest.approx(moved_by(random, distance), rel=1e-4)
    assert tangent_and_random(model, X, along[0, 0], distance, random) == (
        walked.code_moved,
        walked.code_moved_at_random,
    )


def test_every_walk_meets_the_same_random_directions():
    assert torch.equal(walk_directions(5), walk_directions(5))
    assert torch.equal(walk_directions(5), random_directions(5, draws(1)))
