"""Neighbours and correlations against numpy's plain forms. Needs torch."""

import numpy as np
import pytest

from ae_core.analysis.vectors import Vectors, correlate, correlate_one, encode_all, find_near, flatten_all
from ae_core.config import ModelConfig
from ae_core.data import load_mnist, to_float
from ae_core.model import seeded_autoencoder


@pytest.fixture
def rows():
    return np.random.default_rng(0).normal(3.0, 0.5, (300, 20)).astype(np.float32)


def test_the_nearest_are_those_of_all_distances(rows):
    for vector in (rows[7] + 0.01, np.zeros(20, np.float32)):
        near = find_near(vector, Vectors(rows), 6)
        distances = np.linalg.norm(rows - vector, axis=1)
        assert near.indices.tolist() == np.argsort(distances)[:6].tolist()
        np.testing.assert_allclose(near.distances, np.sort(distances)[:6], rtol=1e-6)


def test_a_vector_is_nearest_to_itself_at_distance_0(rows):
    vectors = Vectors(1000 * rows)
    for index in (0, 299):
        near = find_near(vectors.rows[index], vectors, 1)
        assert (near.indices.tolist(), near.distances.tolist()) == ([index], [0.0])
    assert len(find_near(rows[0], Vectors(rows[:3]), 10).indices) == 3


def test_correlations_are_numpy_s_and_0_with_what_never_changes(rows):
    rows[:, 4] = 2.5
    moving = [index for index in range(20) if index != 4]
    expected = np.corrcoef(rows[:, moving].T)
    found = correlate(Vectors(rows), Vectors(rows))
    np.testing.assert_allclose(found[np.ix_(moving, moving)], expected, atol=1e-4)
    assert not found[4].any()
    assert not found[:, 4].any()
    for entry in (0, 4):
        np.testing.assert_allclose(correlate_one(Vectors(rows), entry), found[entry], atol=1e-5)


def test_codes_and_pixels_are_those_of_the_images():
    images = load_mnist("test").images[:300]
    model = seeded_autoencoder(ModelConfig("sparse"), seed=0).requires_grad_(False)
    np.testing.assert_allclose(encode_all(model, images).rows, model.encode(to_float(images)), atol=1e-6)
    np.testing.assert_array_equal(flatten_all(images).rows, to_float(images).flatten(1))
