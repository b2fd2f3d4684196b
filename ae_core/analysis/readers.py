"""Logistic regressions that tell classes by features, by scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ae_core.analysis.probe_errors import DRAWS
from ae_core.errors import ProbeError

PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)
"""Strengths of the L2 penalty beside the mean loss of an image, the strongest first."""
_LEAST_ITERATIONS = 16
_ITERATION_BUDGET = 4096
"""Features times iterations of L-BFGS under each penalty, about: readers of many features are stopped."""
LAST_FACTOR = 3
"""How many times as many the reader of all labels takes."""
_TOLERANCE = 1e-4


class Readers:
    """Logistic regressions on standardised features of labelled training images.

    Under each penalty, the strongest first, L-BFGS starts from the reader of the one before and takes a fixed
    number of iterations at most: a reader that is stopped early is regularised once more.

    Args:
        x: float32, shape (images, K).
        labels: shape (images,).
        held_out: how many of them, the last, the penalty is chosen on.
        on_iteration: is told after each iteration of a reader on how many images it was.
    """

    def __init__(
        self,
        x: np.ndarray,
        labels: np.ndarray,
        held_out: int,
        on_iteration: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._x, self._labels, self._on_iteration = x, labels, on_iteration
        self._rest = len(x) - held_out
        self._iterations = iterations_for(x.shape[1])

    def of_all(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        """The reader of all labels: that which errs least on the images held out, trained on with them."""
        readers = self._path(slice(self._rest))
        penalty = min(readers, key=lambda penalty: self._held_out_error(readers[penalty]))
        return self._fit(slice(None), penalty, LAST_FACTOR * self._iterations, readers[penalty])

    def of_few(self, count: int) -> list[Any]:
        """The reader of each draw of so many labels, all under the penalty that is best on average."""
        paths = [self._path(self._draw(count, seed)) for seed in range(DRAWS)]
        errors = {
            penalty: sum(self._held_out_error(path[penalty]) for path in paths) for penalty in PENALTIES
        }
        penalty = min(errors, key=errors.__getitem__)
        return [path[penalty] for path in paths]

    def _draw(self, count: int, seed: int) -> np.ndarray:
        """The places of so many images.

        Raises:
            ProbeError: if they are all of one class, as may happen where nearly all images are.
        """
        drawn = torch.randperm(self._rest, generator=torch.Generator().manual_seed(seed))[:count].numpy()
        if len(set(self._labels[drawn].tolist())) < 2:
            raise ProbeError(
                f"{count} images drawn at random are all of one class: the classes are too unequal for "
                "a probe."
            )
        return drawn

    def _path(self, chosen: slice | np.ndarray) -> dict[float, Any]:
        """The readers of some images, by their penalties."""
        readers: dict[float, Any] = {}
        start = None
        for penalty in PENALTIES:
            start = readers[penalty] = self._fit(chosen, penalty, self._iterations, start)
        return readers

    def _held_out_error(self, reader: Any) -> float:  # noqa: ANN401
        return percent_wrong(reader.predict(self._x[self._rest :]), self._labels[self._rest :])

    def _fit(self, chosen: slice | np.ndarray, penalty: float, iterations: int, start: Any) -> Any:  # noqa: ANN401
        # Heavy, and needed for nothing else on the page.
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        x = self._x[chosen]
        reader = LogisticRegression(
            C=1 / (penalty * len(x)), max_iter=iterations, tol=_TOLERANCE, warm_start=True
        )
        if start is not None:
            reader.coef_, reader.intercept_ = start.coef_, start.intercept_
        listener = _Listener(lambda: self._on_iteration(len(x)))
        # Several threads wait for each other in products as narrow as these: small fits take five times as
        # long, large ones no less. And that it stops before the end is meant.
        with threadpool_limits(1), warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            return reader.set_callbacks(listener).fit(x, self._labels[chosen])


def iterations_for(features: int) -> int:
    """How many iterations a reader of so many features takes under each penalty, at most."""
    return max(_LEAST_ITERATIONS, _ITERATION_BUDGET // features)


class _Listener:
    """A callback in the form that scikit-learn wants; what it raises ends the fit."""

    def __init__(self, on_iteration: Callable[[], None]) -> None:
        self._on_iteration = on_iteration

    def setup(self, *_: object, **__: object) -> None:
        """Nothing to prepare."""

    def teardown(self, *_: object, **__: object) -> None:
        """Nothing to clean up."""

    def on_fit_task_begin(self, *_: object, **__: object) -> None:
        """An iteration begins."""

    def on_fit_task_end(self, *_: object, **__: object) -> None:
        """An iteration has ended."""
        self._on_iteration()


def percent_wrong(found: np.ndarray, truth: np.ndarray) -> float:
    """How many of the readings differ from the truth, in percent."""
    return 100 * float(np.mean(found != truth))
