"""The map as a picture: what is drawn where. Needs only NumPy and Pillow."""

import numpy as np
from PIL import ImageColor

from ae_core.render.atlas_picture import CLASS_COLOURS, SIDE, atlas_picture, share_of


def pixel_of(place):
    across, down = (round(share * SIDE) for share in share_of(np.array(place)))
    return down, across


def test_a_lonely_image_is_drawn_itself_in_its_digit_s_colour():
    image = np.zeros((28, 28), np.uint8)
    image[10:18, 10:18] = 255
    picture = atlas_picture(np.array([[0.0, 0.0], [1.0, 1.0]]), np.stack([image, image]), np.array([3, 8]))
    assert picture.shape == (SIDE, SIDE, 4)
    for place, digit in (((0.0, 0.0), 3), ((1.0, 1.0), 8)):
        down, across = pixel_of(place)
        part = picture[down - 14 : down + 14, across - 14 : across + 14]
        inked = part[part[..., 3] == 255]
        assert len(inked) >= 60
        assert set(map(tuple, inked[:, :3])) == {ImageColor.getrgb(CLASS_COLOURS[digit])}
    assert picture[SIDE // 2, SIDE // 2, 3] == 0, "transparent where nothing is"


def test_up_on_the_map_is_up_on_the_picture():
    assert share_of(np.array([0.0, 1.0]))[1] < 0.05
    assert share_of(np.array([0.0, 0.0]))[1] > 0.95


def test_where_many_lie_there_are_points_and_numerals_of_their_colours():
    draw = np.random.default_rng(0)
    places = 0.5 + 0.02 * draw.random((400, 2))
    picture = atlas_picture(places, np.full((400, 28, 28), 255, np.uint8), np.full(400, 5))
    seen = picture[picture[..., 3] > 0]
    assert len(seen) > 300
    assert len(seen) < 28 * 28 * 10, "not every image itself"
    blue, green, red = ImageColor.getrgb(CLASS_COLOURS[5])
    strong = seen[seen[:, 3] > 140].astype(int)
    near = np.abs(strong[:, :3] - (blue, green, red)).max(1) < 40
    assert near.mean() > 0.9
