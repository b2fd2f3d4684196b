"""Train: the recipe's fields, the buttons that start and stop, and the runs at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ae_core.analysis.notation import penalty_symbol
from ae_core.config import CODE_ACTIVATIONS, KINDS, LADDERS, RECIPE_NAMES, RECIPES, Kind, Recipe
from ae_core.errors import DeviceError
from ae_core.training.background import TrainingRun
from ae_core.training.compute import Compute, available_devices, choose_compute
from ae_core.training.job import Job
from ae_core.training.ladder import train_ladder
from ae_core.training.observer import IMAGES
from ae_core.training.stopping import StopRule
from ae_core.ui import data_choice, keys, markup
from ae_core.ui.problems import guard
from ae_core.ui.session import Key
from ae_core.ui.shown_model import Choice
from ae_core.ui.sight import Sight
from ae_core.ui.state import lab
from ae_core.ui.training import interrupted_runs, watching, winding

_FIELDS = (
    "penalty_weight",
    "sparsity_target",
    "epochs",
    "batch_size",
    "learning_rate",
    "seed",
    "code_activation",
    "max_decoder_norm",
    "input_noise",
)
"""The fields of a recipe that can be changed on the page; the others stay as the recipe has them."""
_MOST_CLASSES = 10


def show(choice: Choice, seen: Sight | None) -> None:
    """The slider that winds back; below it the form, and beside that the runs."""
    winding.show(choice, seen)
    with st.container(key=keys.wrapping("train")):
        left, right = st.columns([2, 3], gap="medium")
    at_work = lab().running
    with left:
        _fields(keys.shown_kind())
        _starters(at_work)
        if at_work:
            st.caption("Penalty weight, learning rate, ρ and epochs act at the next step.")
        if lab().training_problem is not None:
            st.error(lab().training_problem)
        if not at_work:
            interrupted_runs.show()
    with right:
        if not lab().runs:
            st.caption(
                f"Train a model on the {len(lab().data.images('train')):,} images of "
                f"{markup.plain(lab().data.name)}, or under More on some {_classes_in_words()}, and watch "
                "it learn "
                "your own drawing in the panels above. You can go on drawing meanwhile."
            )
        watching.watch()


def _starters(at_work: bool) -> None:
    """The buttons that start a training, or go on with the one that ended last."""
    with st.container(horizontal=True):
        st.button("Train", type="primary", on_click=guard(_start), disabled=at_work, key="train")
        st.button(
            "Train the whole ladder",
            on_click=guard(_start_ladder),
            disabled=at_work,
            key="train_ladder",
            help="One model for each penalty weight of the slider, with the other fields as above: all "
            "at once on CUDA, in turns on a CPU. Each can be chosen as A and B at once, and stands in "
            "Compare as soon as it is measured.",
        )
    last = lab().runs[-1] if len(lab().runs) == 1 else None
    snapshot = None if last is None else last.snapshot()
    if at_work or snapshot is None or snapshot.saved is None or snapshot.progress is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if snapshot.state == "stopped":
            st.button(
                "Go on",
                on_click=guard(_go_on),
                key="go_on",
                help="From the step at which it was stopped, as if it never had been.",
            )
        st.number_input("More epochs", 1, value=1, step=1, key=keys.MORE_EPOCHS.name, width=120)
        st.button(
            "Train them",
            on_click=guard(_go_on),
            args=(True,),
            key="train_more",
            help="The learning rate's schedule is then that of the longer training.",
        )


def _field(name: str) -> Key[Any]:
    """A field of the shown kind's form."""
    return keys.training(keys.shown_kind(), name)


def _key(name: str) -> str:
    return _field(name).name


def _fill_in_recipe(kind: Kind) -> None:
    """Put the chosen recipe's values into the fields of a kind."""
    recipe = _recipe(kind)
    values = vars(recipe.model) | vars(recipe.train)
    for field in _FIELDS:
        keys.training(kind, field).set(0.0 if values[field] is None else values[field])
    keys.training(kind, "digits").set(list(_offered_classes()))


def _recipe(kind: Kind) -> Recipe:
    """The recipe that is chosen for a kind."""
    return RECIPES[kind][keys.training(kind, "recipe").get()]


def _steer(name: str, kind: Kind) -> None:
    """Have a field's new value act at the next step of what trains; one that cannot be is a sentence."""
    lab().training_problem = None
    field = keys.training(kind, name)
    value = field.get()
    of_kind = [run for run in lab().runs if run.recipe.model.kind == kind]
    # The rungs of a ladder have penalty weights of their own.
    if name == "penalty_weight" and len(lab().runs) > 1:
        return
    for run in of_kind:
        if run.snapshot().running:
            try:
                run.change(**{name: value})
            except ValueError as error:
                lab().training_problem = f"Nothing is changed: {error}."
                field.set(getattr(run.settings, name))


def _fields(of_kind: Kind) -> None:
    if _field("recipe").find() is None:
        _field("recipe").set("fast")
        _fill_in_recipe(of_kind)
    keep: dict[str, Any] = {"persist_state": "session"}
    st.selectbox(
        "Recipe",
        RECIPE_NAMES,
        key=_key("recipe"),
        on_change=guard(_fill_in_recipe),
        args=(of_kind,),
        format_func=str.capitalize,
        help="Fast: one epoch, of a sparse model two. Best: what the shipped models were trained with. "
        "Reference: the published batch size, learning rate, epochs and weights, on the models of this lab. "
        "Readable: a code by which a linear reader tells the digits from few labels, see Meaning. "
        "Choosing one fills in the fields below.",
        **keep,
    )
    symbol = penalty_symbol(of_kind)
    left, right = st.columns(2)
    with left:
        _knob(f"Penalty weight {symbol}", "penalty_weight", format="%g", step=1e-4)
        _knob("Epochs", "epochs", step=1)
    with right:
        _knob("Learning rate", "learning_rate", format="%g", step=1e-3)
        if of_kind == "sparse":
            _knob("Target ρ", "sparsity_target", format="%g", step=0.01)
        else:
            st.number_input("Seed", step=1, key=_key("seed"), **keep)
    with st.expander("More"):
        if of_kind == "sparse":
            st.number_input("Seed", step=1, key=_key("seed"), **keep)
        st.number_input("Batch size", step=1, key=_key("batch_size"), **keep)
        st.selectbox("Code activation", CODE_ACTIVATIONS[of_kind], key=_key("code_activation"), **keep)
        st.number_input(
            "Decoder bound",
            step=0.5,
            key=_key("max_decoder_norm"),
            help="Bound on the norm of the decoder's weights from each of its input channels, which limits "
            "how far the code can dodge its penalty by shrinking. 0 switches it off.",
            **keep,
        )
        st.number_input(
            "Input noise",
            step=0.05,
            key=_key("input_noise"),
            help="The encoder sees each training image with noise of a strength between 0 and this, "
            "and the reconstruction is held against the clean one: a denoising autoencoder. 0: none.",
            **keep,
        )
        if offered := _offered_classes():
            _keep_offered(offered)
            st.pills(
                f"{_classes_in_words().capitalize()} to train on",
                offered,
                selection_mode="multi",
                key=_key("digits"),
                format_func=[markup.plain(name) for name in lab().data.classes].__getitem__,
                help="With some of them alone, the model meets the others for the first time on the canvas.",
                **keep,
            )
        st.number_input(
            "Stop below test MSE",
            format="%g",
            step=1e-3,
            key=keys.STOP_BELOW.name,
            help=f"On up to {IMAGES} test images, tried every few seconds. 0: never.",
            **keep,
        )
        st.number_input(
            "Stop after epochs without a better one",
            step=1,
            key=keys.STOP_PATIENCE.name,
            help="Without a lower test MSE on these images. 0: never.",
            **keep,
        )
        st.selectbox("Device", available_devices(), key=keys.DEVICE.name, **keep)
    compute = choose_compute(keys.DEVICE.get())
    st.caption(f"Trains on {compute}: {compute.reason}.")


def _knob(label: str, name: str, **options: Any) -> None:  # noqa: ANN401 - of Streamlit's number input
    """A field whose value can change while a model trains."""
    st.number_input(
        label,
        key=_key(name),
        on_change=guard(_steer),
        args=(name, keys.shown_kind()),
        persist_state="session",
        **options,
    )


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
    offered = _offered_classes()
    chosen = _field("digits").get() if offered else []
    values["digits"] = None if len(chosen) == len(offered) else ",".join(map(str, chosen))
    return _recipe(keys.shown_kind()).override(**values, **lab().data.fields)


def _offered_classes() -> range:
    """The labels of the classes that can be trained on alone: a recipe names them by single digits."""
    count = len(lab().data.classes)
    return range(count) if count <= _MOST_CLASSES else range(0)


def _keep_offered(offered: range) -> None:
    """Choose all classes anew where another set has others: they are told by their places."""
    if lab().form_classes != lab().data.classes:
        lab().form_classes = lab().data.classes
        for kind in KINDS:
            if keys.training(kind, "digits").find() is not None:
                keys.training(kind, "digits").set(list(offered))


def _classes_in_words() -> str:
    return "digits" if lab().data.is_mnist else "classes"


def _start() -> None:
    _begin(lambda recipe, compute, rule: [TrainingRun(_job(recipe, compute), stop_rule=rule)])


def _job(recipe: Recipe, compute: Compute) -> Job:
    return Job(recipe, compute, interrupted_runs.new_folder(recipe), data=lab().data)


def _start_ladder() -> None:
    _begin(
        # All rungs of a ladder train as long as each other, or it would compare nothing.
        lambda recipe, compute, _: train_ladder(
            recipe, LADDERS[keys.shown_kind()], compute, interrupted_runs.new_folder, lab().data
        )
    )


def _go_on(more: bool = False) -> None:
    """Go on with the training that ended last, for more epochs if these are wanted."""
    lab().training_problem = None
    saved = lab().runs[-1].snapshot().saved
    assert saved is not None, "its buttons are there if it has a state"
    try:
        job = Job.go_on(
            saved,
            keys.MORE_EPOCHS.get() if more else 0,
            interrupted_runs.new_folder(saved.recipe),
            lab().runs[-1].camera.film(),
            lab().runs[-1].data,
        )
    except ValueError as error:
        lab().training_problem = f"This cannot be trained: {error}"
        return
    data_choice.use(job.data)
    watching.begin([TrainingRun(job)])


def _begin(start: Callable[[Recipe, Compute, StopRule], list[TrainingRun]]) -> None:
    """Start what the fields describe, or say which value is not allowed."""
    lab().training_problem = None
    try:
        recipe = _recipe_of_fields()
        compute = choose_compute(keys.DEVICE.get())
        rule = StopRule(keys.STOP_BELOW.find() or None, keys.STOP_PATIENCE.find() or None)
    except (ValueError, DeviceError) as error:
        lab().training_problem = f"This cannot be trained: {error}"
        return
    watching.begin(start(recipe, compute, rule))
