"""The map as a picture, with the drawing on it; a click chooses a test digit."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import streamlit as st

from ae_core.analysis.atlas import Atlas
from ae_core.data import load_mnist
from ae_core.render.atlas_picture import atlas_picture, share_of
from ae_core.render.maps import data_url, packed, to_png
from ae_core.ui import keys, markup


def show(atlas: Atlas, marks: dict[str, np.ndarray]) -> None:
    """The map, and marks on it.

    Args:
        marks: places on the map by what lies there: `here` and `goal`.
    """
    with st.container(key=keys.ATLAS):
        # Two elements: the map stays as it is while the marks move.
        markup.show(_map_of(atlas))
        markup.show(f"<div class='atlas-marks'>{''.join(_mark(*mark) for mark in marks.items())}</div>")


def _mark(name: str, place: np.ndarray) -> str:
    left, top = share_of(place)
    return f"<i class='{name}' style='left:{100 * left:.2f}%;top:{100 * top:.2f}%'></i>"


@lru_cache(maxsize=24)
def _map_of(atlas: Atlas) -> str:
    mnist = load_mnist("test")
    labels = mnist.labels.numpy()
    picture = atlas_picture(atlas.places, mnist.images[:, 0].numpy(), labels)
    shares = np.array([share_of(place) for place in atlas.places])
    places = np.round(shares * (2**16 - 1)).astype("<u2")
    return (
        f"<img class='atlas' src='{data_url(to_png(picture, compress_level=6))}' "
        f"data-places='{packed(places)}' data-labels='{packed(labels)}' "
        "alt='Map of the 10,000 test digits: those whose codes are alike lie near each other.'>"
    )
