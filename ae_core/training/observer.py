"""A model in training, looked at from beside: copies of its weights, tried on a few test images."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from time import monotonic
from typing import NamedTuple

import torch

from ae_core.analysis.evaluation import measure_without_jacobians
from ae_core.analysis.metrics import Metrics
from ae_core.data import DataSet
from ae_core.errors import DataError
from ae_core.model import Autoencoder
from ae_core.training.compute import give_way

IMAGES = 500
"""The first of the test set: enough for a curve."""
NOISE = 0.2
EVERY_SECONDS = 1.0
_REST = 5
"""How many times as long as it took to try a preview the next one has to wait: it costs the page's core."""
_LARGEST_WEIGHT = 1e4
"""Of six layers with larger ones little would stay within float32."""
_MOST = 500
"""Longer curves lose every second point."""


class Preview(NamedTuple):
    """A copy of the weights, which nobody changes any more."""

    step: int
    model: Autoencoder


class Observation(NamedTuple):
    """What a preview does to `IMAGES` test images."""

    step: int
    test_mse: float
    denoising_mse: float
    """From noise of `NOISE`."""


class Observer:
    """Keeps the newest weights of one training, and tries them now and then while somebody asks.

    One thread of the process does so for all trainings: what it takes, it takes from the page's core.
    """

    def __init__(self, model: Autoencoder, step: int, data: DataSet) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._preview = _copy(model, step)
        self._tried: tuple[int, Metrics] | None = None
        self._observations: tuple[Observation, ...] = ()
        self.is_watched = False
        """Whether somebody has looked since the weights were last copied: else no copy is worth its time."""
        self._busy = False
        self._next = float("-inf")

    @property
    def preview(self) -> Preview:
        """The newest copy of the weights, on the CPU."""
        self.is_watched = True
        return self._preview

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What was observed so far, by growing steps."""
        return self._observations

    def renew(self, model: Autoencoder, step: int) -> None:
        """Copy the weights as they are after a step; for the training's own thread.

        Weights that blow up are not: nothing of theirs could be shown, and the run ends with good ones.
        """
        self.is_watched = False
        preview = _copy(model, step)
        if can_be_shown(preview.model):
            self._preview = preview

    def metrics(self) -> Metrics:
        """The values of a recent preview, on `IMAGES` test images and under `NOISE`; waits the first time.

        Raises:
            DataError: if the images cannot be read.
        """
        if self._tried is None:
            self._try(self._preview)
        assert self._tried is not None
        return self._tried[1]

    def ask(self) -> None:
        """Have the newest preview tried beside all else, unless one is at work or was a moment ago."""
        self.is_watched = True
        with self._lock:
            known = self._tried is not None and self._tried[0] == self._preview.step
            if self._busy or known or monotonic() < self._next:
                return
            self._busy = True
        _THREAD.submit(self._work)

    def _work(self) -> None:
        began = monotonic()
        try:
            self._try(self._preview)
        except DataError:
            # Whoever needs the images hears of it; a curve can do without.
            pass
        finally:
            self._next = monotonic() + max(EVERY_SECONDS, _REST * (monotonic() - began))
            self._busy = False

    def _try(self, preview: Preview) -> None:
        metrics = try_out(preview.model, self._data)
        observation = Observation(preview.step, metrics.test_mse, metrics.denoising_mse[NOISE])
        with self._lock:
            if self._tried is None or preview.step > self._tried[0]:
                self._tried = preview.step, metrics
                observations = (*self._observations, observation)
                self._observations = observations[::2] if len(observations) > _MOST else observations


def can_be_shown(model: Autoencoder) -> bool:
    """Whether what the model makes of a picture stays within float32: not if its weights blow up."""
    return all(bool((weight.abs() < _LARGEST_WEIGHT).all()) for weight in model.parameters())


def try_out(model: Autoencoder, data: DataSet) -> Metrics:
    """What can be said of a model in a moment: on `IMAGES` test images of a set, and under `NOISE`.

    Raises:
        DataError: if the images cannot be read.
    """
    return measure_without_jacobians(model, data.images("test")[:IMAGES], (NOISE,))


def _copy(model: Autoencoder, step: int) -> Preview:
    copy = deepcopy(model).to("cpu").to(memory_format=torch.contiguous_format)
    return Preview(step, copy.eval().requires_grad_(False))


_THREAD = ThreadPoolExecutor(1, "observer", give_way)
