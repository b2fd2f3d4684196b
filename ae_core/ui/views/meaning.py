"""Meaning: what the code is good for, by the errors of a linear classifier that sees nothing else."""

from __future__ import annotations

from functools import partial

import streamlit as st

from ae_core.analysis.notation import penalty_symbol
from ae_core.analysis.probe import Probe
from ae_core.analysis.probe_errors import (
    ALL_LABELS,
    ERRORS,
    FEW_LABELS,
    PROBE_NOISES,
    SHIFTS,
    deviation,
    few_labels,
    noisy,
    shifted,
)
from ae_core.render import charts
from ae_core.render.probe_charts import ErrorCurve, errors_by_penalty
from ae_core.ui import confusion_grid, keys, markup, measuring, probes, style, unusual
from ae_core.ui.problems import guard, guard_part
from ae_core.ui.shown import Shown
from ae_core.ui.shown_model import Choice, apart, comparable, intact_ladder
from ae_core.ui.sight import Sight

_PIXELS = "pixels"
_ALIKE = 0.5
"""Percent: on 10,000 test digits errors of some percent that are nearer to each other may be so by chance."""
_GUESSING = 85.0
"""Percent; of ten digits guessing errs on 90."""
_LABELS: dict[str, tuple[str, str | None]] = {
    "60,000 labels": (ALL_LABELS, None),
    **{f"{count:,} labels": (few_labels(count), deviation(count)) for count in FEW_LABELS},
}
"""The error with so many labels and its standard deviation, by their names in a probe."""


def show(choice: Choice, seen: Sight | None) -> None:
    """The ladder's errors, then A's: under noise and shift, its confusions, and how it takes the drawing."""
    style.question("What is the code good for?")
    shown = choice.a
    if shown is None:
        return
    what = "digit" if shown.data.is_mnist else "class"
    markup.show(
        f"<p class='idea'>A logistic regression that sees nothing but the frozen code reads the {what} "
        "off it. "
        "The fewer errors it makes, the more plainly the code says what was drawn.</p>"
    )
    references: dict[str, dict[str, float]] = {}
    if shown.data.is_mnist:
        with guard_part():
            references = probes.baselines()
    ladder = [(model, probe) for model in intact_ladder(shown.kind) if (probe := _probe_of(model))]
    if ladder:
        _by_penalty(ladder, references)
        markup.show(f"<p class='idea'>{_verdict(ladder, references)}</p>")
    _own(shown)
    read = [(model, probe) for model in comparable(shown) if (probe := probes.find_probe(model)) is not None]
    if read:
        style.question("Which readers hold under noise and shifts that they were not trained on?")
        _disturbed(read, shown, references)
        _table(read, references)
    own = probes.find_probe(shown)
    if own is not None:
        things = "digits" if shown.data.is_mnist else "classes"
        style.question(f"Which {things} does the reader of {shown.name} take for which?")
        confusion_grid.show(own, shown.data)
    unusual.show(shown, seen)


def _probe_of(model: Shown) -> Probe | None:
    """The probe of a model, else a sentence in its place."""
    with guard_part():
        return probes.probe_of(model)
    return None


def _by_penalty(ladder: list[tuple[Shown, Probe]], references: dict[str, dict[str, float]]) -> None:
    weights = [model.label for model, _ in ladder]
    curves = {
        label: ErrorCurve(
            [probe.errors[name] for _, probe in ladder],
            [0.0 if spread is None else probe.errors[spread] for _, probe in ladder],
            references.get(_PIXELS, {}).get(name),
        )
        for label, (name, spread) in _LABELS.items()
    }
    symbol = penalty_symbol(ladder[0][0].kind)
    style.chart(
        errors_by_penalty(weights, curves, f"penalty weight {symbol}"),
        key="probe_errors",
        alt="Test error of the linear reader against the penalty weight, one curve per number of labels; "
        + "; ".join(
            f"{label}: "
            + ", ".join(f"{error:.1f} % at {w}" for error, w in zip(curve.errors, weights, strict=True))
            for label, curve in curves.items()
        ),
    )
    st.caption(
        "Test error with all 60,000 labels and with few: means over five draws of the images, with "
        "their standard deviations as bars. Dotted: the same classifier on the pixels themselves."
    )


def _verdict(ladder: list[tuple[Shown, Probe]], references: dict[str, dict[str, float]]) -> str:
    """What the ladder shows, and where the penalty hurts, from its own values."""
    clean = {model.name: probe.errors[ALL_LABELS] for model, probe in ladder}
    first = ladder[0][0]
    if first.checkpoint.train_config.penalty_weight > 0:
        return f"Without the model of {penalty_symbol(first.kind)} = 0 there is nothing to hold them against."
    plain = first.name
    best = min(clean, key=clean.__getitem__)
    if clean[best] < clean[plain] - _ALIKE:
        sentences = [
            f"On clean digits the code of {best} is read best: {clean[best]:.1f} % errors, without a penalty "
            f"{clean[plain]:.1f} %."
        ]
    else:
        sentences = [
            f"On clean digits no penalty helps: without one the reader errs on {clean[plain]:.1f} %."
        ]
    clearest = min(ladder, key=lambda each: each[0].checkpoint.metrics.test_mse)[0].name
    if clean[clearest] > clean[best] + _ALIKE:
        sentences.append(
            f"The best reconstruction has {clearest}: a better reconstruction is not a better code."
        )
    worse = [f"{name} ({error:.1f} %)" for name, error in clean.items() if error > clean[plain] + _ALIKE]
    if worse:
        sentences.append(f"The penalty costs: {', '.join(worse)}.")
    untrained = references.get(f"untrained {ladder[0][0].kind} network")
    if untrained is not None:
        sentences.append(f"The same network untrained: {untrained[ALL_LABELS]:.1f} %.")
    for noise in (PROBE_NOISES[0], PROBE_NOISES[-1]):
        errors = {model.name: probe.errors[noisy(noise)] for model, probe in ladder}
        steady = min(errors, key=errors.__getitem__)
        sentences.append(
            f"Under noise of {noise:g} no code is read much better than by guessing."
            if errors[steady] > _GUESSING
            else f"Under noise of {noise:g} that of {steady} errs least: {errors[steady]:.0f} %, without a "
            f"penalty {errors[plain]:.0f} %."
        )
    return markup.escape(" ".join(sentences))


def _own(shown: Shown) -> None:
    """For a model without a probe: have one measured."""
    is_shipped = shown.source == keys.LADDER and shown.data.is_mnist
    if is_shipped or probes.find_probe(shown) is not None:
        return
    if not shown.data.classes:
        st.markdown(
            f"The set {markup.plain(shown.data.name)} has no labels: there is nothing to read off the code."
        )
        return
    run = probes.run_of(shown)
    if run is None:
        st.button(
            f"Probe {shown.label}",
            type="primary",
            on_click=guard(probes.start),
            args=(shown,),
            key="probe",
            help="Trains logistic regressions on the codes of all training images, in the background: about "
            "half a minute.",
        )
    elif run.error is not None:
        st.error(run.error)
    else:
        text = "Training the readers of this code"
        measuring.show("probe", partial(probes.run_of, shown), partial(probes.stop, shown), text)


def _disturbed(
    read: list[tuple[Shown, Probe]], shown: Shown, references: dict[str, dict[str, float]]
) -> None:
    found = {model.label: probe.errors for model, probe in read}
    dashed = apart(model for model, _ in read)
    if _PIXELS in references:
        found[_PIXELS] = references[_PIXELS]
        dashed.append(_PIXELS)
    with st.container(key=keys.wrapping("disturbed")):
        for column, key, places, names, title in zip(
            st.columns(2, gap="medium"),
            ("probe_noise", "probe_shift"),
            ((0.0, *PROBE_NOISES), (0, *SHIFTS)),
            (
                (ALL_LABELS, *map(noisy, PROBE_NOISES)),
                (ALL_LABELS, *map(shifted, SHIFTS)),
            ),
            ("noise: standard deviation", "shift: pixels"),
            strict=True,
        ):
            curves = {label: [errors[name] for name in names] for label, errors in found.items()}
            with column:
                style.chart(
                    charts.curves_by_model(places, curves, shown.label, title, "test error, %", apart=dashed),
                    key=key,
                    alt=f"Test error against the {title}, one curve per model; at the strongest: "
                    + ", ".join(f"{label}: {errors[-1]:.0f} %" for label, errors in curves.items()),
                )
    st.caption(
        f"Trained with all labels on clean {shown.data.things} in their places; tested on the test "
        f"{shown.data.things} with noise or "
        "shifted, a quarter of them to each side."
    )
    if apart(model for model, _ in read):
        st.caption(
            "Dashed: the pixels themselves, and autoencoders whose encoder saw noise in training, with the "
            "clean image as the target (Vincent et al. 2008). For little noise, what such a reconstruction "
            "adds to a picture points to where pictures are more likely (Alain and Bengio 2014)."
        )


def _table(read: list[tuple[Shown, Probe]], references: dict[str, dict[str, float]]) -> None:
    rows = {model.label: probe.errors for model, probe in read} | references
    with st.expander("All values, and what a code has to be better than"):
        columns = {name: [errors.get(name) for errors in rows.values()] for name in ERRORS}
        style.values_table("read from", list(rows), columns, "%.1f", key="probe_table")
        st.caption(
            "Principal components are those of the training images' pixels, standardised as the codes are. "
            "An untrained network has the weights that training starts from."
        )
