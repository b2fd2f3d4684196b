"""The runs of this session: watched with bars, a curve and a picture, stopped, and collected as models."""

from __future__ import annotations

from time import monotonic, sleep

import streamlit as st
import torch

from ae_core.analysis.inspection import reconstruct_each
from ae_core.analysis.notation import power_notation, value_text
from ae_core.analysis.page_names import View
from ae_core.data import IMAGE_SIZE, DataSet
from ae_core.render import maps, training_charts
from ae_core.training.background import TrainingRun
from ae_core.training.observer import IMAGES, NOISE
from ae_core.training.run_snapshot import EndReason, RunSnapshot
from ae_core.ui import clock, films, keys, markup, shown_model, style
from ae_core.ui.parts import part
from ae_core.ui.problems import guard
from ae_core.ui.shown import wrap_trained
from ae_core.ui.state import Lab, lab

_POLL_SECONDS = 1.0
_STOP_SECONDS = 0.4
"""How long the page may stand still for a step at work; one of 600 images takes 0.13 s on two cores."""


def begin(runs: list[TrainingRun]) -> None:
    """Watch these runs from now on, the first of them as A; for callbacks."""
    collect()
    lab().collected.clear()
    lab().runs = runs
    lab().titles = {
        run: f"{_name(run)} no. {len(lab().models) + number}" for number, run in enumerate(runs, 1)
    }
    lab().films |= {title: run.camera for run, title in lab().titles.items()}
    keys.WOUND.set(films.NOW)
    keys.KIND.set(runs[0].recipe.model.kind)
    shown_model.select("A", lab().titles[runs[0]])


def stop() -> None:
    """Ask all of the runs to end, and wait a moment, so that the page that follows shows that they do."""
    for run in lab().runs:
        run.end(EndReason.STOPPED)
    _wait_while("waiting", "training", "paused")


def pause() -> None:
    """Hold all of the runs after their current steps, and wait a moment for them."""
    for run in lab().runs:
        run.pause()
    _wait_while("training")


def step(steps: int | None) -> None:
    """Let paused runs take so many steps, or go on to the end of an epoch; see `TrainingRun.step`."""
    for run in lab().runs:
        run.step(steps)
    _wait_while("paused")
    _wait_while("training")


def go_on() -> None:
    """Let paused runs go on."""
    for run in lab().runs:
        run.go_on()


def _wait_while(*states: str) -> None:
    """Stand still while a run is in one of these states, but not for long: the page that follows shows it."""
    deadline = monotonic() + _STOP_SECONDS
    while monotonic() < deadline and any(run.snapshot().state in states for run in lab().runs):
        sleep(0.01)


def collect() -> bool:
    """List the models of runs that ended since the last call among those trained here; true if a run did."""
    ended = [run for run in lab().runs if run not in lab().collected and not run.snapshot().running]
    for run in ended:
        _collect(run, lab())
    return bool(ended)


def _collect(run: TrainingRun, here: Lab) -> None:
    # It may be cut off wherever the session is asked for something: then it is done once more.
    title, checkpoint = here.titles[run], run.snapshot().checkpoint
    if checkpoint is not None:
        here.models[title] = wrap_trained(title, checkpoint, _data_of(run))
        here.observations[title] = run.observer.observations
        run.forget_state()
    else:
        shown_model.forget(title)
        here.films.pop(title, None)
        del here.titles[run]
    here.live.pop(title, None)
    here.collected.add(run)


def _data_of(run: TrainingRun) -> DataSet:
    """The set of a run: the page's own object of it, for which much is known already."""
    return lab().data if lab().data.digest == run.data.digest else run.data


def _name(run: TrainingRun) -> str:
    train = run.recipe.train
    return f"{run.recipe.model.kind} {power_notation(train.penalty_weight)}{train.remarks}"


def at_work() -> bool:
    """Whether a run goes on, or has ended and its model is not listed yet."""
    return lab().running or any(run not in lab().collected for run in lab().runs)


@part
def strip() -> None:
    """How far the runs are, in a line; for the views in which they are not watched."""
    if not at_work():
        return
    run = _newest_at_work()
    _, text = _bar(run.snapshot())
    with st.container(
        horizontal=True, vertical_alignment="center", gap="small", width="content", key="training_strip"
    ):
        st.caption(
            f"{_name(run)}: {text}",
            width="content",
        )
        st.button("Watch", on_click=guard(keys.show_view), args=(View.TRAIN,), key="strip_watch")
        st.button("Stop", on_click=guard(stop), key="strip_stop", disabled=not lab().running)
    if collect():
        st.rerun()
    clock.again_after(_POLL_SECONDS, "strip")


@part
def watch() -> None:
    """Show the runs as they are now, again and again while they go on."""
    if not lab().runs:
        return
    _wheel()
    for run in lab().runs:
        snapshot = run.snapshot()
        if snapshot.running:
            run.observer.ask()
        share, text = _bar(snapshot)
        if len(lab().runs) == 1:
            # Named, since the page may show the other kind by now.
            st.progress(share, f"{_name(run)}: {text}")
        if snapshot.error is not None:
            st.error(snapshot.error)
        elif snapshot.warning is not None and snapshot.running:
            st.warning(snapshot.warning)
        if snapshot.note is not None:
            st.caption(snapshot.note)
    if len(lab().runs) > 1:
        _all_at_once()
    watched = _newest_at_work()
    if watched.snapshot().history:
        _curves(watched)
    if collect():
        st.rerun()
    if lab().running:
        clock.again_after(_POLL_SECONDS, "watch")


def _wheel() -> None:
    """The buttons that pause, step and stop; they stay in their places when nothing trains any more."""
    running = lab().running
    held = running and any(run.held for run in lab().runs)
    paused = any(run.snapshot().state == "paused" for run in lab().runs)
    with st.container(horizontal=True, key="wheel"):
        # One button for both: Streamlit keeps a button that has the focus, though another takes its place.
        st.button(
            "Continue" if held else "Pause",
            type="primary" if held else "secondary",
            on_click=guard(go_on if held else pause),
            key="hold",
            disabled=not running,
        )
        for label, steps, tip in (("Step", 1, "One batch of images."), ("Epoch", None, "To the end of one.")):
            st.button(
                label,
                on_click=guard(step),
                args=(steps,),
                key=label.lower(),
                disabled=not paused,
                help=tip if paused else "Pause first.",
            )
        st.button("Stop", on_click=guard(stop), key="stop", disabled=not running)


def _curves(run: TrainingRun) -> None:
    """The losses and the errors on test images, with a mark where a setting changed.

    While the model trains a small picture: a browser takes as long for one large chart as for ten of it.
    """
    snapshot, tried = run.snapshot(), run.observer.observations
    weight, history = run.recipe.train.penalty_weight, snapshot.history
    alt = f"Losses and the errors on test {run.data.things} against the step, on a log axis."
    if snapshot.state == "training":
        assert snapshot.progress is not None, "it has a history"
        picture = training_charts.small_loss_curve(
            history, weight, tried, run.changes, snapshot.progress.total_steps, films.wound_to()
        )
        markup.small_chart(picture, "curves")
    else:
        style.chart(
            training_charts.loss_curve(history, weight, tried, run.changes, films.wound_to()),
            key="loss_curve",
            alt=alt,
        )
    markup.show(
        "<p class='note'>test, noisy: the errors on the first "
        f"{min(IMAGES, len(run.data.images('test')))} test images, clean and with noise of "
        f"{NOISE:g}. Dotted: where a setting changed.</p>"
    )


def _all_at_once() -> None:
    """How far each of several runs is, and what it makes of the drawing."""
    picture = lab().picture
    if picture is None:
        st.caption("Draw a digit to watch its reconstructions while the models learn.")
        picture = torch.zeros(1, 1, IMAGE_SIZE, IMAGE_SIZE)
    runs = lab().runs
    found = reconstruct_each([run.observer.preview.model for run in runs], picture)
    cells = "".join(
        f"<div class='cell'>{markup.picture(maps.grey_picture(one, 28), f'Reconstruction by {_name(run)}.')}"
        f"<div><span>{markup.escape(power_notation(run.recipe.train.penalty_weight))}</span></div>"
        f"<div class='bar'><i style='width:{100 * _bar(run.snapshot())[0]:.0f}%'></i></div>"
        f"<p class='note'>{markup.escape(_short(run.snapshot()))}</p></div>"
        for run, one in zip(runs, found, strict=True)
    )
    markup.show(f"<div class='strip waking' style='--cells: {len(runs)}'>{cells}</div>")


def _newest_at_work() -> TrainingRun:
    """The run whose curve and picture are shown: the last that has begun."""
    begun = [run for run in lab().runs if run.snapshot().progress is not None]
    return begun[-1] if begun else lab().runs[0]


def _bar(snapshot: RunSnapshot) -> tuple[float, str]:
    progress = snapshot.progress
    if snapshot.state == "waiting":
        return 0.0 if progress is None else progress.fraction, _place(snapshot.ahead)
    if progress is None:
        return 0.0, "Starting" if snapshot.state == "training" else snapshot.state.capitalize()
    if snapshot.state == "training":
        return (
            progress.fraction,
            f"Epoch {progress.epoch}, step {progress.step:,}: {_seconds(progress.seconds_left)} left, "
            f"{progress.images_per_second:,.0f} images/s",
        )
    if snapshot.state == "paused":
        return progress.fraction, f"Paused after step {progress.step:,} of {progress.total_steps:,}"
    if snapshot.state == "measuring":
        return snapshot.measured, "Measuring on the test images"
    text = f"{snapshot.state.capitalize()} after step {progress.step:,} of {progress.total_steps:,}"
    if snapshot.checkpoint is not None:
        text += f": test MSE {snapshot.checkpoint.metrics.test_mse:.5f}"
    return progress.fraction, text


def _short(snapshot: RunSnapshot) -> str:
    """How far a run is, in a word or two."""
    if snapshot.state in ("training", "waiting", "paused"):
        progress = snapshot.progress
        return "waiting" if progress is None else f"step {progress.step:,}"
    if snapshot.checkpoint is None:
        return snapshot.state
    return f"MSE {value_text(snapshot.checkpoint.metrics.test_mse)}"


def _place(ahead: int) -> str:
    """A place in the device's queue, in words."""
    if ahead == 0:
        return "Waiting its turn"
    first = "one training comes" if ahead == 1 else f"{ahead} trainings come"
    return f"In the queue: {first} first. Stop leaves it"


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"
