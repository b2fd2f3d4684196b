"""The state of a training, which decides how it goes on: read between two steps, restored, saved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter

import torch
from torch import Tensor

from ae_core.data import shuffled_batches
from ae_core.model import Autoencoder
from ae_core.training import distributed
from ae_core.training.step import Step


@dataclass(frozen=True)
class TrainState:
    """A run between two steps: all that decides how it goes on, on the CPU."""

    step: int
    """Optimisation steps done, of all epochs."""
    weights: dict[str, Tensor]
    """The model's `state_dict`."""
    optimizer: dict[str, Tensor]
    """Adam's two moments, flat, and the state of the probes' generator."""
    order: Tensor
    """State of the generator of the images' order at the start of the epoch that the next step belongs to."""

    @property
    def is_finite(self) -> bool:
        """Whether all weights and moments are finite; else there is no use in resuming it."""
        return all(value.isfinite().all() for value in (*self.weights.values(), *self.optimizer.values()))


class ShuffledEpochs:
    """Batches of indices in a random order, another in each epoch, from any step on.

    Args:
        count: how many images there are.
        device: where the indices are wanted.
    """

    def __init__(self, count: int, batch_size: int, seed: int, device: torch.device) -> None:
        self.steps_per_epoch = math.ceil(count / batch_size)
        self._count, self._batch_size, self._device = count, batch_size, device
        self._generator = torch.Generator().manual_seed(seed)
        self._start = self._generator.get_state()

    def rest_of_epoch(self, step: int) -> Iterator[Tensor]:
        """The batches of the epoch that the next step, number `step` from 0, belongs to, from it on."""
        self._start = self._generator.get_state()
        batches = shuffled_batches(self._count, self._batch_size, self._generator, self._device)
        return islice(batches, step % self.steps_per_epoch, None)

    def state(self, step: int) -> Tensor:
        """The generator's state at the start of the epoch that the next step belongs to."""
        return self._start if step % self.steps_per_epoch else self._generator.get_state()

    def restore(self, state: Tensor) -> None:
        """Resume from what `state` gave."""
        self._generator.set_state(state)
        self._start = state


class LiveState:
    """The parts of a running training that have state: a model, its optimiser, the order of its images."""

    def __init__(self, model: Autoencoder, take_step: Step, order: ShuffledEpochs) -> None:
        self._model = model
        self._take_step = take_step
        self._order = order

    def ends_epoch(self, step: int) -> bool:
        """Whether a step is the last of its epoch."""
        return step % self._order.steps_per_epoch == 0

    def at(self, step: int) -> TrainState:
        """A copy of the state, after `step` steps, on the CPU."""
        # A copy even where the weights lie on the CPU already: the next step changes them in place.
        weights = {
            name: value.to("cpu", memory_format=torch.contiguous_format, copy=True)
            for name, value in self._model.state_dict().items()
        }
        return TrainState(step, weights, self._take_step.state(), self._order.state(step))

    def restore(self, state: TrainState | None) -> int:
        """Restore a state and return its step; None leaves the training as it begins, at step 0.

        Of several processes the first one's state counts: it alone reads files.
        """
        if distributed.world_size() > 1:
            state = _broadcast(state or self.at(0))
        if state is None:
            return 0
        self._model.load_state_dict(state.weights)
        self._take_step.restore(state.optimizer, state.step)
        self._order.restore(state.order)
        return state.step


class Saver:
    """Hands out the state after every epoch and every so many seconds, unless a value in it is not finite.

    Args:
        save: takes the state; None where nobody wants it.
    """

    def __init__(self, live: LiveState, save: Callable[[TrainState], None] | None, seconds: float) -> None:
        self._live = live
        self._save = save
        self._seconds = seconds
        self._saved = perf_counter()

    def is_due(self, step: int) -> bool:
        """Whether to save after a step."""
        if self._save is None:
            return False
        return self._live.ends_epoch(step) or perf_counter() - self._saved >= self._seconds

    def save(self, step: int) -> None:
        """Save now."""
        if self._save is not None and (state := self._live.at(step)).is_finite:
            self._save(state)
        self._saved = perf_counter()


def _broadcast(own: TrainState) -> TrainState:
    """The state of process 0, in every process; overwrites the tensors of its own."""
    step = torch.tensor(own.step)
    distributed.broadcast({**own.weights, **own.optimizer, "order": own.order, "step": step})
    return replace(own, step=int(step))
