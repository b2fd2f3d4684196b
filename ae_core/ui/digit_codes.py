"""The codes of the test digits under the models in sight, encoded once per process in a thread of its own."""

from __future__ import annotations

from functools import lru_cache

import streamlit as st

from ae_core.analysis.units import UnitUse, measure_unit_use
from ae_core.analysis.vectors import Near, Vectors, encode_all, find_near, flatten_all
from ae_core.data import DataSet
from ae_core.ui.shown import CACHE_KEYS, Shown
from ae_core.ui.sight import Sight
from ae_core.ui.slow_work import SlowWork

EXAMPLES = 5
"""Test digits that show what a unit answers to."""


def _encode(shown: Shown) -> Vectors:
    return encode_all(shown.checkpoint.model, shown.data.images("test"))


# Those of a contractive model take 46 MB.
_codes = SlowWork(_encode, kept=4)


def find_codes(shown: Shown) -> Vectors | None:
    """The codes of the test digits; None while they are still being encoded, which this starts."""
    return _codes.find(shown)


def find_codes_or_say(shown: Shown, meanwhile: str, name: str) -> Vectors | None:
    """The same; meanwhile a sentence, as `SlowWork.find_or_say` has it."""
    return _codes.find_or_say(shown, meanwhile, name)


def codes_of(shown: Shown) -> Vectors:
    """The codes of the test digits; waits for them."""
    return _codes.get(shown)


# A set is equal to itself alone; the pixels of 10,000 images take 31 MB.
@lru_cache(maxsize=2)
def _pixels(data: DataSet) -> Vectors:
    return flatten_all(data.images("test"))


def find_near_by_pixels(seen: Sight, data: DataSet, count: int) -> Near:
    """The test images of a set whose pixels are nearest to what the models see."""
    return find_near(seen.x.flatten().numpy(), _pixels(data), count)


@st.cache_resource(show_spinner="Measuring the units", max_entries=32, hash_funcs=CACHE_KEYS)
def use_of(shown: Shown) -> UnitUse:
    """How a model uses its units over the test set."""
    return measure_unit_use(codes_of(shown), shown.statistics, EXAMPLES)
