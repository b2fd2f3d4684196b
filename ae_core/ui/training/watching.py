"""The runs of this session: watched with bars, a curve and a picture, stopped, and collected as models."""

from __future__ import annotations

from time import monotonic, sleep

import streamlit as st

from ae_core.analysis.notation import power_notation
from ae_core.render import charts, maps
from ae_core.training.background import TrainingRun
from ae_core.training.run_snapshot import EndReason, RunSnapshot
from ae_core.ui import library, style
from ae_core.ui.problems import guard
from ae_core.ui.state import lab

_STOP_SECONDS = 0.4
"""How long the page may stand still for a step at work; one of 600 images takes 0.13 s on two cores."""


def begin(runs: list[TrainingRun]) -> None:
    """Watch these runs from now on."""
    collect()
    lab().collected.clear()
    lab().runs = runs


def stop() -> None:
    """Ask all of the runs to end, and wait a moment, so that the page that follows shows that they do."""
    for run in lab().runs:
        run.end(EndReason.STOPPED)
    deadline = monotonic() + _STOP_SECONDS
    while monotonic() < deadline and any(
        run.snapshot().state in ("waiting", "training") for run in lab().runs
    ):
        sleep(0.01)


def collect() -> bool:
    """List the models of runs that ended since the last call among those trained here; true if a run did."""
    ended = [run for run in lab().runs if run not in lab().collected and not run.snapshot().running]
    for run in ended:
        lab().collected.add(run)
        checkpoint = run.snapshot().checkpoint
        if checkpoint is not None:
            run.forget_state()
            title = f"{_name(run)} no. {len(lab().models) + 1}"
            lab().models[title] = library.wrap_trained(title, checkpoint)
    return bool(ended)


def _name(run: TrainingRun) -> str:
    return f"{run.recipe.model.kind} {power_notation(run.recipe.train.penalty_weight)}"


def at_work() -> bool:
    """Whether a run goes on, or has ended and its model is not listed yet."""
    return lab().running or any(run not in lab().collected for run in lab().runs)


def strip() -> None:
    """How far the runs are, in a line; for the views in which they are not watched."""
    if not at_work():
        return
    run = _newest_at_work()
    _, text = _bar(run.snapshot())
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="training_strip"):
        st.caption(
            f"{_name(run)}: {text}",
            width="content",
        )
        st.button("Stop", on_click=guard(stop), key="strip_stop", disabled=not lab().running)
    if collect():
        st.rerun()


def watch() -> None:
    """Show the runs as they are now; a fragment that Streamlit repeats while they go on."""
    if not lab().runs:
        return
    for run in lab().runs:
        snapshot = run.snapshot()
        share, text = _bar(snapshot)
        # Named, since the page may show the other kind by now.
        st.progress(share, f"{_name(run)}: {text}")
        if snapshot.error is not None:
            st.error(snapshot.error)
        elif snapshot.warning is not None and snapshot.running:
            st.warning(snapshot.warning)
    watched = _newest_at_work()
    history = watched.snapshot().history
    if history:
        style.chart(
            charts.loss_curve(history, watched.recipe.train.penalty_weight),
            key="loss_curve",
            alt="Reconstruction error and weighted penalty against the step, on a log axis.",
        )
    _preview(watched)
    if collect():
        st.rerun()


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
            f"Epoch {progress.epoch}: {_seconds(progress.seconds_left)} left, "
            f"{progress.images_per_second:,.0f} images/s",
        )
    if snapshot.state == "measuring":
        return snapshot.measured, "Measuring on the test images"
    text = f"{snapshot.state.capitalize()} after step {progress.step:,} of {progress.total_steps:,}"
    if snapshot.checkpoint is not None:
        text += f": test MSE {snapshot.checkpoint.metrics.test_mse:.5f}"
    return progress.fraction, text


def _place(ahead: int) -> str:
    """A place in the device's queue, in words."""
    if ahead == 0:
        return "Waiting its turn"
    first = "one training comes" if ahead == 1 else f"{ahead} trainings come"
    return f"In the queue: {first} first. Stop leaves it"


def _seconds(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole} s" if whole < 100 else f"{whole // 60} min {whole % 60:02d} s"


def _preview(run: TrainingRun) -> None:
    picture = lab().picture
    if picture is None:
        st.caption("Draw a digit to watch its reconstruction while the model learns.")
        return
    st.image(
        [maps.grey_picture(image[0, 0].numpy()) for image in (picture, run.reconstruct(picture))],
        caption=["your digit", "as this model has it"],
        width=108,
        alt=["Your digit as the model sees it.", "Its reconstruction by the model in training."],
    )
