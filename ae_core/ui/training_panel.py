"""The sidebar's training: the recipe's fields, Train and Stop, and the run while it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ae_core import charts, maps
from ae_core.config import CODE_ACTIVATIONS, LADDERS, RECIPE_NAMES, RECIPES, Kind, Recipe
from ae_core.runs import RunSnapshot, TrainingRun, train_ladder
from ae_core.training import Compute, DeviceError, available_devices, choose_compute
from ae_core.ui import library, style
from ae_core.ui.state import MINE, kind, lab

_POLL_SECONDS = 0.5
_FIELDS = (
    "penalty_weight",
    "sparsity_target",
    "epochs",
    "batch_size",
    "learning_rate",
    "seed",
    "code_activation",
    "max_decoder_norm",
)
"""What of a recipe can be changed on the page; the rest stays as the recipe has it."""


def sidebar() -> None:
    """The form, and the runs below it."""
    st.header("Train", anchor=False)
    _fields(kind())
    running = lab().running
    with st.container(horizontal=True):
        st.button("Train", type="primary", on_click=_start, disabled=running, key="train")
        st.button("Stop", on_click=_stop, disabled=not running, key="stop")
        st.button(
            "Train the whole ladder",
            on_click=_start_ladder,
            disabled=running,
            key="train_ladder",
            help="One model for each penalty weight of the slider, with the other fields as above: all at "
            "once on CUDA, one after another on a CPU. Each is listed under Mine and in Compare as soon as "
            "it is measured.",
        )
    if st.session_state.get("train_problem"):
        st.error(st.session_state.train_problem)
    # The timer runs only while there is something to watch.
    st.fragment(_watch, run_every=_POLL_SECONDS if running else None)()
    if not running and any(run.snapshot().checkpoint is not None for run in lab().runs):
        label = "Show this model" if len(lab().runs) == 1 else "Show the newest model"
        st.button(label, on_click=_show_newest, key="show_newest")


def _key(field: str) -> str:
    return f"train_{kind()}_{field}"


def _fill_in_recipe() -> None:
    """Put the chosen recipe's values into the fields."""
    recipe = RECIPES[kind()][st.session_state[_key("recipe")]].as_dict()
    for field in _FIELDS:
        st.session_state[_key(field)] = 0.0 if recipe[field] is None else recipe[field]


def _fields(of_kind: Kind) -> None:
    if _key("recipe") not in st.session_state:
        st.session_state[_key("recipe")] = "fast"
        _fill_in_recipe()
    keep: dict[str, Any] = {"persist_state": "session"}
    st.selectbox(
        "Recipe",
        RECIPE_NAMES,
        key=_key("recipe"),
        on_change=_fill_in_recipe,
        format_func=str.capitalize,
        help="Fast: two epochs. Best: what the shipped models were trained with. "
        "Reference: the published recipe. Choosing one fills in the fields below.",
        **keep,
    )
    symbol = "λ" if of_kind == "contractive" else "β"
    left, right = st.columns(2)
    with left:
        st.number_input(
            f"Penalty weight {symbol}", format="%g", step=1e-4, key=_key("penalty_weight"), **keep
        )
        st.number_input("Epochs", step=1, key=_key("epochs"), **keep)
        st.number_input("Learning rate", format="%g", step=1e-3, key=_key("learning_rate"), **keep)
    with right:
        if of_kind == "sparse":
            st.number_input("Target ρ", format="%g", step=0.01, key=_key("sparsity_target"), **keep)
        st.number_input("Batch size", step=1, key=_key("batch_size"), **keep)
        st.number_input("Seed", step=1, key=_key("seed"), **keep)
    with st.expander("More"):
        st.selectbox("Code activation", CODE_ACTIVATIONS[of_kind], key=_key("code_activation"), **keep)
        st.number_input(
            "Decoder bound",
            step=0.5,
            key=_key("max_decoder_norm"),
            help="Bound on the norm of each code unit's decoder weights, so that the code cannot dodge "
            "its penalty by shrinking. 0 switches it off.",
            **keep,
        )
        st.selectbox("Device", available_devices(), key="device", **keep)
    compute = choose_compute(st.session_state.device)
    st.caption(f"Trains on {compute}: {compute.reason}.")


def _recipe_of_fields() -> Recipe:
    """The chosen recipe with the fields' values.

    Raises:
        ValueError: with a sentence on the field that is off.
    """
    recipe = RECIPES[kind()][st.session_state[_key("recipe")]]
    values = {field: st.session_state[_key(field)] for field in _FIELDS}
    # 0 stands for "off" where a recipe has None.
    values["max_decoder_norm"] = values["max_decoder_norm"] or None
    if kind() == "contractive":
        values["sparsity_target"] = None
    return recipe.override(**values)


def _start() -> None:
    _begin(lambda recipe, compute: [TrainingRun(recipe, compute)])


def _start_ladder() -> None:
    _begin(lambda recipe, compute: train_ladder(recipe, LADDERS[kind()], compute))


def _begin(start: Callable[[Recipe, Compute], list[TrainingRun]]) -> None:
    """Start what the fields describe, or say which of them is off."""
    st.session_state.train_problem = None
    try:
        recipe = _recipe_of_fields()
        compute = choose_compute(st.session_state.device)
    except (ValueError, DeviceError) as error:
        st.session_state.train_problem = f"This cannot be trained: {error}"
        return
    _collect()
    lab().collected.clear()
    lab().runs = start(recipe, compute)


def _stop() -> None:
    for run in lab().runs:
        run.stop()


def _collect() -> bool:
    """Put the models of runs that have ended among the models trained here, once; true if a run had ended."""
    ended = [run for run in lab().runs if run not in lab().collected and not run.snapshot().running]
    for run in ended:
        lab().collected.add(run)
        checkpoint = run.snapshot().checkpoint
        if checkpoint is not None:
            train = checkpoint.train_config
            title = f"{checkpoint.model_config.kind} {train.penalty_weight:g} no. {len(lab().models) + 1}"
            lab().models[title] = library.trained(title, checkpoint)
    return bool(ended)


def _watch() -> None:
    """One look at the runs; a fragment that Streamlit repeats while they go on."""
    if not lab().runs:
        return
    several = len(lab().runs) > 1
    for run in lab().runs:
        snapshot = run.snapshot()
        share, text = _bar(snapshot)
        st.progress(share, f"{run.recipe.train.penalty_weight:g}: {text}" if several else text)
        if snapshot.error is not None:
            st.error(snapshot.error)
    watched = _newest_at_work()
    history = watched.snapshot().history
    if history:
        style.chart(
            charts.loss_curve(history, watched.recipe.train.penalty_weight),
            key="loss_curve",
            alt="Reconstruction error and weighted penalty against the step, on a log axis.",
        )
    _preview(watched)
    if _collect():
        st.rerun()


def _newest_at_work() -> TrainingRun:
    """The run whose curve and picture are shown: the last that has begun."""
    begun = [run for run in lab().runs if run.snapshot().progress is not None]
    return begun[-1] if begun else lab().runs[0]


def _bar(snapshot: RunSnapshot) -> tuple[float, str]:
    progress = snapshot.progress
    if progress is None:
        return 0.0, {"waiting": "Waiting its turn", "training": "Starting"}.get(
            snapshot.state, snapshot.state.capitalize()
        )
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
        text += f": test MSE {snapshot.checkpoint.metrics['test_mse']:.5f}"
    return progress.fraction, text


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


def _show_newest() -> None:
    st.session_state.source = MINE
    newest = list(lab().models)[-1]
    st.session_state.mine = newest
    st.session_state.kind = lab().models[newest].kind
