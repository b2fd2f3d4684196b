"""What a unit stands for: its test digits, its means per digit, the units it goes with, and its twin."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from ae_core.analysis.notation import value_text
from ae_core.analysis.twins import Twins, match_units
from ae_core.analysis.unit_profile import UnitProfile, profile_unit
from ae_core.data import DataSet
from ae_core.render.small_bars import small_bars
from ae_core.ui import digit_codes, keys, library, markup, pointing
from ae_core.ui.digit_buttons import digit_buttons
from ae_core.ui.parts import part
from ae_core.ui.problems import guard_part
from ae_core.ui.shown import CACHE_KEYS, Shown
from ae_core.ui.shown_model import comparable

_EXAMPLES = 6
_LONGEST_NAME = 5
"""Letters of a class's name under its bar."""


@st.cache_data(show_spinner=False, max_entries=256, hash_funcs=CACHE_KEYS)
def _profile(shown: Shown, unit: int) -> UnitProfile:
    labels = shown.data.labels("test")
    highest = shown.statistics.max_activation[unit].item()
    return profile_unit(
        digit_codes.codes_of(shown),
        None if labels is None else labels.numpy(),
        highest,
        unit,
        _EXAMPLES,
        len(shown.data.classes),
    )


@st.cache_resource(show_spinner="Matching the units", max_entries=16, hash_funcs=CACHE_KEYS)
def _twins(shown: Shown, other: Shown) -> Twins:
    return match_units(digit_codes.codes_of(shown), digit_codes.codes_of(other))


def show(shown: Shown, unit: int) -> None:
    """The profile of a unit, in two columns."""
    found = _profile(shown, unit)
    left, right = st.columns(2, gap="medium")
    with left:
        if shown.data.classes:
            _means(found, unit, shown.data)
        _histogram(found, unit, shown.data.things)
        _companions(found)
    with right:
        markup.show(
            *(
                _examples(shown.data, title, indices, unit)
                for title, indices in (
                    (f"Test {shown.data.things} that activate it most", found.strongest),
                    ("In the middle of those on which it is active", found.middle),
                    ("Some of those on which it is active, at random", found.random),
                )
            )
        )
        _twin(shown, unit)


def _means(found: UnitProfile, unit: int, data: DataSet) -> None:
    means = found.class_means
    best, each = int(means.argmax()), "digit" if data.is_mnist else "class"
    said = (
        f"Mean activation of unit {unit} for each {each}, the largest for {data.classes[best]}: "
        f"{value_text(means[best])}."
    )
    markup.show(f"<p class='note'>Mean activation for each {each}</p>")
    markup.small_chart(small_bars(means.tolist(), [name[:_LONGEST_NAME] for name in data.classes], said))


def _histogram(found: UnitProfile, unit: int, things: str) -> None:
    ends = [value_text(found.edges[0]), value_text(found.edges[-1])]
    said = (
        f"Histogram of the activations of unit {unit} over the test {things}, from {ends[0]} to "
        f"{ends[1]}; the "
        f"fullest bar holds {found.counts.max():,} of {found.counts.sum():,}."
    )
    markup.show(
        f"<p class='note'>Its activations over the test {things}: active on <b>{found.density:.1%}</b></p>"
    )
    markup.small_chart(small_bars(found.counts.tolist(), ends, said))


def _companions(found: UnitProfile) -> None:
    if not found.companions:
        markup.show("<p class='note'>It never changes: it goes with no other unit.</p>")
        return
    buttons = " ".join(
        f"<button class='pick' data-pick='{pointing.pick_of_unit(one.unit)}'>unit {one.unit} "
        f"<small>{_signed(one.correlation)}</small></button>"
        for one in found.companions
    )
    markup.show(f"<p class='note'>It goes most with (correlation)</p><div class='picks'>{buttons}</div>")


def _signed(correlation: float) -> str:
    return f"{correlation:+.2f}".replace("-", "−")


def _examples(data: DataSet, title: str, indices: Sequence[int], unit: int) -> str:
    if not indices:
        return f"<p class='note'>{title}: it is active on none.</p>"
    which = f", to which unit {unit} answers,"
    return f"<p class='note'>{title}</p>{digit_buttons(data, indices, which)}"


def _twin(shown: Shown, unit: int) -> None:
    """The unit of another model that goes with it, when all units of both are matched one to one."""
    seeds = library.other_seeds(shown.kind) if shown.data.is_mnist else []
    others = {other.name: other for other in (*seeds, *comparable(shown))}
    others.pop(shown.name, None)
    same = [label for label, other in others.items() if _is_other_seed(shown, other)]
    names = [*same, *(label for label in others if label not in same)]
    name = st.selectbox(
        "Its twin in",
        names,
        key=keys.TWIN_MODEL.name,
        help="All units of both models are matched one to one, such that the sum of the correlations over "
        f"the test {shown.data.things} is the largest.",
    )
    if name is None:
        return
    _twin_in(shown, unit, name, others[name])


@part
def _twin_in(shown: Shown, unit: int, name: str, other: Shown) -> None:
    """The twin, as soon as the other model has encoded the test digits, too."""
    with guard_part():
        meanwhile = f"{name} encodes the test {shown.data.things}."
        if digit_codes.find_codes_or_say(other, meanwhile, "twin") is None:
            return
        twins = _twins(shown, other)
        twin, correlation = int(twins.units[unit]), float(twins.correlations[unit])
        markup.show(
            f"<p class='note'>Unit {twin} of {markup.escape(name)}, correlation "
            f"<b>{_signed(correlation)}</b>; half of all units have a twin with more than "
            f"{twins.median_correlation:.2f}.</p>"
        )
        profile = _profile(other, twin)
        markup.show(
            _examples(
                shown.data,
                f"The test {shown.data.things} that activate the twin most",
                profile.strongest,
                twin,
            )
        )


def _is_other_seed(shown: Shown, other: Shown) -> bool:
    mine, theirs = shown.checkpoint.train_config, other.checkpoint.train_config
    return (
        mine.seed != theirs.seed
        and mine.penalty_weight == theirs.penalty_weight
        and mine.input_noise == theirs.input_noise
    )
