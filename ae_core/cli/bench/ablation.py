"""What each hand-written form of a convolution gains: a whole training step with it and without it.

A form is held to making a step 1.3 times as fast as PyTorch's own call in its place does, somewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from typing import NamedTuple

import torch
from torch import Tensor

from ae_core.cli.bench.timing import Row, as_milliseconds, in_turn
from ae_core.config import KINDS, RECIPES, Kind, RecipeName
from ae_core.model import initial_model
from ae_core.model.convolution import FORMS, Form, acting_forms, using
from ae_core.training.compute import Compute
from ae_core.training.step import fastest_step

RECIPE: RecipeName = "best"
"""What ladders are trained with; on small batches, as of the fast recipe, a GPU has too little to do."""
_STEPS = 10
"""Per turn: so many that on CUDA the wait for the last of them counts little."""

_WHAT: dict[Form, str] = {
    "covering kernel": "a kernel as large as the image as a matrix product",
    "one channel": "one-channel convolutions as matrix products (CUDA, bfloat16)",
}


class Cost(NamedTuple):
    """Median seconds of a step."""

    with_form: float
    without_form: float

    @property
    def ratio(self) -> float:
        """How many times as fast the form makes the step."""
        return self.without_form / self.with_form


def ablation(images: Tensor, compute: Compute, repeats: int) -> Iterator[Row]:
    """A row for each form and each kind that it is part of.

    Args:
        images: uint8, shape (n, 1, 28, 28).
        repeats: turns of ten steps, whose median counts.
    """
    for form in _WHAT:
        for kind in _kinds(form):
            what = f"{_WHAT[form]}: one {kind} step, {RECIPE} recipe"
            if form not in acting_forms(compute.device.type, compute.precision):
                yield Row(what, "not on this device", "", "")
                continue
            cost = step_cost(form, kind, RECIPE, images, compute, repeats)
            yield Row(
                what,
                as_milliseconds(cost.with_form),
                f"{as_milliseconds(cost.without_form)}, PyTorch's own call",
                f"{cost.ratio:.2f} times faster",
            )


def _kinds(form: Form) -> tuple[Kind, ...]:
    """The kinds whose layers have the form: the contractive kernels see a part of the image only."""
    return ("sparse",) if form == "covering kernel" else KINDS


def step_cost(
    form: Form, kind: Kind, recipe: RecipeName, images: Tensor, compute: Compute, repeats: int
) -> Cost:
    """A training step with a form and without it, taking turns, each on a model of its own."""
    tasks = [_steps(forms, kind, recipe, images, compute) for forms in (FORMS, FORMS - {form})]
    return Cost(*(seconds / _STEPS for seconds in in_turn(repeats, *tasks)))


def _steps(
    forms: frozenset[Form], kind: Kind, recipe: RecipeName, images: Tensor, compute: Compute
) -> Callable[[], object]:
    """A task of some steps of a recipe in these forms, which goes on where it ended; it has run once."""
    config = RECIPES[kind][recipe].train
    model = initial_model(RECIPES[kind][recipe])
    model.to(compute.device).to(memory_format=torch.channels_last).train()
    with using(forms):
        # A captured step keeps the forms that it is captured with.
        take_step = fastest_step(model, images.to(compute.device), config, compute.precision)
    batches = cycle(torch.arange(len(images), device=compute.device).split(config.batch_size))

    def steps() -> object:
        with using(forms):
            for _ in range(_STEPS):
                # At a rate of 0, so that the weights stay as usual however many turns there are.
                take_step(next(batches), 0.0)
        # The device has done its work when the losses are here.
        return take_step.mean_losses(_STEPS)

    steps()
    return steps
