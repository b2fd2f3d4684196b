"""The map as a picture, with the drawing on it; a click chooses a test digit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import streamlit as st

from ae_core.analysis.atlas import Atlas
from ae_core.data import DataSet
from ae_core.render.atlas_picture import atlas_picture, share_of
from ae_core.render.maps import data_url, packed, to_png
from ae_core.ui import keys, markup


def show(atlas: Atlas, data: DataSet, marks: str) -> None:
    """The map, and `marks` on it.

    Args:
        data: whose test images it maps.
    """
    with st.container(key=keys.ATLAS):
        # Two elements: the map stays as it is while the marks move.
        markup.show(_map_of(atlas, data))
        markup.show(f"<div class='atlas-marks'>{marks}</div>")


def marks(places: Mapping[str, np.ndarray]) -> str:
    """Marks as HTML, by what lies at places on the map: `here` and `goal`."""
    return "".join(_mark(*mark) for mark in places.items())


def _mark(name: str, place: np.ndarray) -> str:
    left, top = share_of(place)
    return f"<i class='{name}' style='left:{100 * left:.2f}%;top:{100 * top:.2f}%'></i>"


@lru_cache(maxsize=16)
def _map_of(atlas: Atlas, data: DataSet) -> str:
    found, images = data.labels("test"), data.images("test")
    labels = None if found is None else found.numpy()
    picture = atlas_picture(atlas.places, images[:, 0].numpy(), labels, data.classes)
    shares = np.array([share_of(place) for place in atlas.places])
    places = np.round(shares * (2**16 - 1)).astype("<u2")
    said = f" data-thing='{data.things[:-1]}'"
    if labels is not None:
        names = markup.escape(json.dumps(data.classes))
        said += f" data-labels='{packed(labels)}' data-names='{names}'"
    return (
        f"<img class='atlas' src='{data_url(to_png(picture, compress_level=6))}' "
        f"data-places='{packed(places)}'{said} "
        f"alt='Map of the {len(images):,} test {data.things}: those whose codes are alike lie near each "
        "other.'>"
    )
