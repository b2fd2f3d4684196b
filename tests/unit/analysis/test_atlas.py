"""Maps of codes: what lies where, and a drawing among them. Needs openTSNE and scikit-learn."""

import numpy as np
import pytest

from ae_core.analysis.atlas import components_atlas, make_atlas, place_among
from ae_core.analysis.vectors import Near, Vectors, find_near
from ae_core.errors import AnalysisError

PER_CLASS = 60


@pytest.fixture(scope="module")
def codes():
    """Five heaps in 30 dimensions."""
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 4, (5, 30))
    return (centres.repeat(PER_CLASS, 0) + draw.normal(0, 1, (5 * PER_CLASS, 30))).astype(np.float32)


@pytest.fixture(scope="module")
def atlas(codes):
    return make_atlas(codes, None, lambda _: None)


def test_a_map_keeps_neighbours_together(codes, atlas):
    assert atlas.places.shape == (300, 2)
    assert atlas.places.min() == 0
    assert atlas.places.max() == 1
    assert atlas.trustworthiness > 0.9
    heaps = np.arange(300) // PER_CLASS
    for index in range(0, 300, 20):
        near = find_near(atlas.places[index], Vectors(atlas.places), 6).indices
        assert (heaps[near] == heaps[index]).mean() >= 0.8


def test_an_aligned_map_is_as_trustworthy_and_lies_as_its_neighbour_does(codes, atlas):
    moved = codes + np.random.default_rng(1).normal(0, 0.2, codes.shape).astype(np.float32)
    aligned = make_atlas(moved, atlas.places, lambda _: None)
    alone = make_atlas(moved, None, lambda _: None)
    assert aligned.trustworthiness > alone.trustworthiness - 0.01
    shift = np.linalg.norm(aligned.places - atlas.places, axis=1)
    assert np.median(shift) < 0.15


def test_the_work_tells_how_far_it_is_and_ends_when_it_is_told_to(codes):
    told = []
    make_atlas(codes[:100], None, told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.1 < 0.9 < told[-1] <= 1

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_atlas(codes[:100], None, stop)


def test_components_are_a_map_at_once(codes):
    found = components_atlas(codes)
    centred = codes - codes.mean(0)
    _, _, right = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ right[:2].T
    for axis in range(2):
        correlation = np.corrcoef(found.places[:, axis], expected[:, axis])[0, 1]
        assert abs(correlation) == pytest.approx(1, abs=1e-3)
    assert 0 < found.trustworthiness <= 1


def test_a_code_with_one_moving_unit_has_a_map_and_a_constant_one_a_sentence():
    codes = np.ones((50, 4), np.float32)
    for make in (components_atlas, lambda codes: make_atlas(codes, None, lambda _: None)):
        with pytest.raises(AnalysisError, match="the same code"):
            make(codes)
    codes[:, 2] = np.arange(50)
    assert np.ptp(components_atlas(codes).places[:, 0]) == 1


def test_a_drawing_lies_between_its_neighbours_and_a_known_one_on_its_own_place():
    places = np.array([[0, 0], [1, 0], [0, 1]], np.float32)
    known = Near(np.array([1, 0]), np.array([0.0, 2.0]))
    assert place_among(known, places).tolist() == [1, 0]
    halfway = Near(np.array([0, 1]), np.array([2.0, 2.0]))
    assert place_among(halfway, places).tolist() == [0.5, 0]
    nearer = place_among(Near(np.array([0, 1]), np.array([1.0, 2.0])), places)
    assert 0 < nearer[0] < 0.5
