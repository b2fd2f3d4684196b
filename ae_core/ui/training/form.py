"""Train: the recipe's fields, the buttons that start and stop, and the runs at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ae_core.analysis.inspection import Seen
from ae_core.config import CODE_ACTIVATIONS, LADDERS, RECIPE_NAMES, RECIPES, Kind, Recipe
from ae_core.errors import DeviceError
from ae_core.training.background import TrainingRun, train_ladder
from ae_core.training.compute import Compute, available_devices, choose_compute
from ae_core.training.job import Job
from ae_core.ui import keys, shown_model
from ae_core.ui.keys import Key
from ae_core.ui.problems import guard
from ae_core.ui.shown_model import Choice
from ae_core.ui.state import lab
from ae_core.ui.training import interrupted_runs, watching

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
"""The fields of a recipe that can be changed on the page; the others stay as the recipe has them."""


def show(choice: Choice, seen: Seen | None) -> None:  # noqa: ARG001 - the signature of a view
    """The form, and beside it the runs."""
    left, right = st.columns([2, 3], gap="medium")
    at_work = lab().running
    with left:
        _fields(keys.shown_kind())
        with st.container(horizontal=True):
            st.button("Train", type="primary", on_click=guard(_start), disabled=at_work, key="train")
            st.button("Stop", on_click=guard(watching.stop), disabled=not at_work, key="stop")
            st.button(
                "Train the whole ladder",
                on_click=guard(_start_ladder),
                disabled=at_work,
                key="train_ladder",
                help="One model for each penalty weight of the slider, with the other fields as above: all "
                "at once on CUDA, one after another on a CPU. Each can be chosen as A and B, and stands in "
                "Compare, as soon as it is measured.",
            )
        if lab().training_problem is not None:
            st.error(lab().training_problem)
        if not at_work:
            interrupted_runs.show()
    with right:
        if not lab().runs:
            st.caption(
                "Train a model on all 60,000 images, and watch it learn your own drawing here. You can go on "
                "drawing meanwhile."
            )
        # The timer runs only while there is something to watch.
        st.fragment(watching.watch, run_every=_POLL_SECONDS if at_work else None)()
        if not at_work and any(run.snapshot().checkpoint is not None for run in lab().runs):
            label = "Show this model as A" if len(lab().runs) == 1 else "Show the newest model as A"
            st.button(label, on_click=guard(shown_model.show_newest), key="show_newest")


def _field(name: str) -> Key[Any]:
    """A field of the shown kind's form."""
    return keys.training(keys.shown_kind(), name)


def _key(name: str) -> str:
    return _field(name).name


def _fill_in_recipe() -> None:
    """Put the chosen recipe's values into the fields."""
    recipe = _recipe().as_dict()
    for field in _FIELDS:
        _field(field).set(0.0 if recipe[field] is None else recipe[field])


def _recipe() -> Recipe:
    """The chosen recipe."""
    return RECIPES[keys.shown_kind()][_field("recipe").get()]


def _fields(of_kind: Kind) -> None:
    if _field("recipe").find() is None:
        _field("recipe").set("fast")
        _fill_in_recipe()
    keep: dict[str, Any] = {"persist_state": "session"}
    st.selectbox(
        "Recipe",
        RECIPE_NAMES,
        key=_key("recipe"),
        on_change=guard(_fill_in_recipe),
        format_func=str.capitalize,
        help="Fast: two epochs. Best: what the shipped models were trained with. "
        "Reference: the published batch size, learning rate, epochs and weights, on the models of this lab. "
        "Choosing one fills in the fields below.",
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
            help="Bound on the norm of the decoder's weights from each of its input channels, which limits "
            "how far the code can dodge its penalty by shrinking. 0 switches it off.",
            **keep,
        )
        st.selectbox("Device", available_devices(), key=keys.DEVICE.name, **keep)
    compute = choose_compute(keys.DEVICE.get())
    st.caption(f"Trains on {compute}: {compute.reason}.")


def _recipe_of_fields() -> Recipe:
    """The chosen recipe with the fields' values.

    Raises:
        ValueError: if a field's value is not allowed; the message names it.
    """
    values = {field: _field(field).get() for field in _FIELDS}
    # 0 stands for "off" where a recipe has None.
    values["max_decoder_norm"] = values["max_decoder_norm"] or None
    if keys.shown_kind() == "contractive":
        values["sparsity_target"] = None
    return _recipe().override(**values)


def _start() -> None:
    _begin(lambda recipe, compute: [TrainingRun(Job(recipe, compute, interrupted_runs.new_folder(recipe)))])


def _start_ladder() -> None:
    _begin(
        lambda recipe, compute: train_ladder(
            recipe, LADDERS[keys.shown_kind()], compute, interrupted_runs.new_folder
        )
    )


def _begin(start: Callable[[Recipe, Compute], list[TrainingRun]]) -> None:
    """Start what the fields describe, or say which value is not allowed."""
    lab().training_problem = None
    try:
        recipe = _recipe_of_fields()
        compute = choose_compute(keys.DEVICE.get())
    except (ValueError, DeviceError) as error:
        lab().training_problem = f"This cannot be trained: {error}"
        return
    watching.begin(start(recipe, compute))
