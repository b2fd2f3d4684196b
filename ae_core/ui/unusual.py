"""How unusual the drawing is to a model, as gauges and the training images that its code lies nearest to."""

from __future__ import annotations

import streamlit as st

from ae_core.analysis.novelty import (
    NEAREST,
    Detection,
    Familiar,
    detect_others,
    get_familiar,
    look_at,
)
from ae_core.render import maps
from ae_core.render.probe_charts import detection_curve
from ae_core.ui import markup, style
from ae_core.ui.parts import part
from ae_core.ui.problems import guard_part
from ae_core.ui.shown import Shown
from ae_core.ui.sight import Sight
from ae_core.ui.slow_work import SlowWork


def _familiar(shown: Shown) -> Familiar:
    return get_familiar(shown.checkpoint.model, shown.data, _classes(shown))


def _detect(shown: Shown) -> Detection:
    digits = shown.checkpoint.train_config.trained_digits
    return detect_others(shown.checkpoint.model, shown.data.labelled("test"), digits)


_known = SlowWork(_familiar, kept=6)
_detections = SlowWork(_detect, kept=16)


def familiar_of(shown: Shown) -> Familiar:
    """What a model knows: the codes of training images; waits for them."""
    return _known.get(shown)


def _classes(shown: Shown) -> tuple[int, ...] | None:
    """Of the set, those that the model was trained on; None: all, or a set that it was not trained on."""
    return shown.checkpoint.train_config.chosen_classes if shown.is_at_home else None


def show(shown: Shown, seen: Sight | None) -> None:
    """Gauges for the drawing; for a model that knows some digits alone, how well it tells the others."""
    style.question(f"How unusual is this drawing to {shown.name}?")
    if seen is None:
        st.markdown(
            "Draw a digit, or place one, to see whether the model knows it, or what is none: the smiley."
        )
    else:
        _drawing_part(shown, seen)
    if _classes(shown) is not None:
        _others_part(shown)


@part
def _drawing_part(shown: Shown, seen: Sight) -> None:
    with guard_part():
        familiar = _known.find_or_say(shown, "Encoding training images.", "familiar")
        if familiar is not None:
            _drawing(shown, seen, familiar)


@part
def _others_part(shown: Shown) -> None:
    with guard_part():
        found = _detections.find_or_say(shown, "Reconstructing test images.", "detection")
        if found is not None:
            _others(shown, found)


def _trained_on(shown: Shown) -> str:
    """Some digits or classes, for sentences."""
    config = shown.checkpoint.train_config
    if shown.data.is_mnist:
        return f"the digits {config.digits}"
    names = (shown.data.classes[label] for label in _classes(shown) or () if label < len(shown.data.classes))
    return f"the classes {markup.plain(', '.join(names))}"


def _drawing(shown: Shown, seen: Sight, familiar: Familiar) -> None:
    found = look_at(shown.checkpoint.model, familiar, seen.clean)
    images = shown.data.images("train")
    left, right = st.columns(2, gap="medium")
    with left:
        markup.show(
            markup.percentile_bar("Error", found.error_percentile, f"MSE {found.error:.4f}"),
            markup.percentile_bar(
                "Code's distance to the nearest",
                found.distance_percentile,
                f"{found.distance:.3g} in activations",
            ),
        )
        of_digits = "" if _classes(shown) is None else f" of {_trained_on(shown)}"
        st.caption(
            f"Bars: the share of {len(familiar.errors):,} test images{of_digits} with a smaller error, or "
            f"with a code nearer to those of {len(familiar.codes.rows):,} training images (mean of the "
            f"{NEAREST} nearest). Near 100 %: hardly any of them is as unusual."
        )
    with right:
        st.caption("The training images whose codes are nearest")
        st.image(
            maps.grid([[maps.grey_picture(images[index, 0].numpy() / 255) for index in found.nearest]]),
            width="stretch",
            alt=f"The {len(found.nearest)} training images whose codes lie nearest to that of the drawing.",
        )


def _others(shown: Shown, found: Detection) -> None:
    style.chart(
        detection_curve(found.false_alarms, found.found),
        key="detection",
        alt=f"ROC curve of telling other {shown.data.things} by the error; the area under it is "
        f"{found.area:.3f}.",
    )
    st.caption(
        f"{shown.label} was trained on {_trained_on(shown)} alone. A threshold on the error tells the "
        f"others: so many of them are found (up) at so many false alarms (across). The area under the curve "
        f"is {found.area:.3f}; 0.5 is chance, 1 tells them all."
    )
