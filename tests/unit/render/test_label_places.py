"""Where names stand: no two on one another, and none farther from its place than it must be."""

import numpy as np
import pytest

from ae_core.render.label_places import Box, Dot, lines_of, name_box, places_of_names, shorten, spread


def cases():
    chance = np.random.default_rng(0)
    for count in (1, 2, 3, 7, 13):
        for _ in range(20):
            sizes = chance.uniform(0.02, 1.0, count)
            sizes *= chance.uniform(0.1, 1.0) / sizes.sum()
            yield chance.uniform(0, 1, count), sizes


@pytest.mark.parametrize(("centres", "sizes"), list(cases()))
def test_labels_are_apart_within_the_axis_and_as_near_as_any_others(centres, sizes):
    placed = np.array(spread(list(centres), list(sizes)))
    order = np.argsort(centres, kind="stable")
    lower, upper = (placed - sizes / 2)[order], (placed + sizes / 2)[order]
    assert (lower[1:] >= upper[:-1] - 1e-12).all()
    assert lower[0] >= -1e-12
    assert upper[-1] <= 1 + 1e-12
    distance = ((placed - centres) ** 2).sum()
    chance = np.random.default_rng(1)
    for _ in range(200):
        # Anything else that is allowed: free room dealt out at random between the labels, or near the best.
        rooms = chance.dirichlet(np.ones(len(sizes) + 1)) * (1 - sizes.sum())
        edges = np.cumsum(rooms[:-1]) + np.concatenate([[0], np.cumsum(sizes[order])[:-1]])
        other = edges + sizes[order] / 2
        for share in (1.0, 0.1, 0.001):
            mixed = (1 - share) * placed[order] + share * other
            assert ((mixed - centres[order]) ** 2).sum() >= distance - 1e-12


def test_labels_that_are_apart_already_stay_where_they_are():
    assert spread([0.8, 0.2, 0.5], [0.1, 0.1, 0.2]) == pytest.approx([0.8, 0.2, 0.5])


def test_labels_of_the_same_place_stand_around_it_in_their_order():
    assert spread([0.5, 0.5, 0.5], [0.1, 0.1, 0.1]) == pytest.approx([0.4, 0.5, 0.6])


def test_labels_at_the_ends_are_pushed_inwards():
    assert spread([0.0, 1.0], [0.2, 0.1]) == pytest.approx([0.1, 0.95])


def test_too_many_labels_share_the_axis():
    assert spread([0.5] * 4, [0.5] * 4) == pytest.approx([0.125, 0.375, 0.625, 0.875])


def test_no_label_needs_no_place():
    assert spread([], []) == []


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("10⁻⁶", ["10⁻⁶"]),
        ("contractive 10⁻⁴ no. 1", ["contractive", "10⁻⁴ no. 1"]),
        ("a_file_of_a_very_long_name (uploaded)", ["a_file_of_a_ve", "ry_long_name…"]),
        ("", [""]),
    ],
)
def test_a_name_takes_two_short_lines_at_most(name, lines):
    assert lines_of(name) == lines


def test_a_shortened_name_says_that_it_is():
    assert shorten("0123456789", 10) == "0123456789"
    assert shorten("0123456789x", 10) == "012345678…"


@pytest.mark.parametrize("seed", range(20))
def test_names_beside_dots_cover_nothing_where_there_is_room(seed):
    chance = np.random.default_rng(seed)
    x, y = np.meshgrid([100, 250, 400], [60, 120, 180])
    wobble = chance.uniform(-25, 25, (2, 9))
    dots = [Dot(*place, 5.0) for place in np.stack([x.ravel(), y.ravel()]).T + wobble.T]
    within = Box(0, 0, 500, 240)
    title = Box(0, 0, 60, 16)
    places = places_of_names(dots, [45.0] * 9, within, [title])
    boxes = [name_box(dot, 45.0, place.side) for dot, place in zip(dots, places, strict=True)]
    around = [Box(dot.x - 5, dot.y - 5, dot.x + 5, dot.y + 5) for dot in dots]
    assert [place.covers for place in places] == [0] * 9
    for index, box in enumerate(boxes):
        others = [*boxes[:index], *boxes[index + 1 :], *around, title]
        assert not any(
            box.left < other.right
            and other.left < box.right
            and box.top < other.bottom
            and other.top < box.bottom
            for other in others
        )
        assert within.left <= box.left < box.right <= within.right
        assert within.top <= box.top < box.bottom <= within.bottom


def test_a_name_at_the_edge_stands_inside_and_one_without_a_place_says_so():
    corner, middle = Dot(498.0, 2.0, 5.0), Dot(250.0, 120.0, 5.0)
    ((side, covers),) = places_of_names([corner], [45.0], Box(0, 0, 500, 240))
    assert (side.right, side.down) == (-1, 1)
    assert covers == 0
    ((_, covers),) = places_of_names([middle], [45.0], Box(0, 0, 500, 240), [Box(0, 0, 500, 240)])
    assert covers > 0


def test_a_name_keeps_clear_of_a_line_that_passes_its_dot():
    line = [Dot(250.0, float(y), 1.5) for y in range(0, 240, 6)]
    ((side, _),) = places_of_names([Dot(250.0, 120.0, 5.0)], [45.0], Box(0, 0, 500, 240), passed=line)
    assert side.right != 0
