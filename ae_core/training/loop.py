"""Training: one loop for both kinds, every recipe, CPU and CUDA."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from ae_core.config import TrainConfig
from ae_core.data import to_float
from ae_core.errors import TrainingDivergedError
from ae_core.model import Autoencoder
from ae_core.training.compute import Compute
from ae_core.training.progress import Meter, TrainProgress
from ae_core.training.state import LiveState, Saver, ShuffledEpochs, TrainState
from ae_core.training.steering import Steering
from ae_core.training.step import fastest_step

REPORT_SECONDS = 0.1
SAVE_SECONDS = 20.0
WARM_UP_SHARE = 0.3


def train(
    model: Autoencoder,
    images: Tensor,
    config: TrainConfig,
    compute: Compute,
    report_seconds: float = REPORT_SECONDS,
    resume: TrainState | None = None,
    save: Callable[[TrainState], None] | None = None,
    save_seconds: float = SAVE_SECONDS,
    steering: Steering | None = None,
    report_at: Callable[[int], bool] = lambda _: False,
) -> Iterator[TrainProgress]:
    """Train `model` in place; yields a report now and then and one after the last step.

        loss = mse + penalty_weight * penalty

    The caller steps it, and closing the generator stops the run. On a CPU the same seed, precision and thread
    count give the same weights bit for bit, interrupted or not; on CUDA up to the order in which its kernels
    sum. Processes that torchrun started share every batch.

    Args:
        model: moved to the device, and updated between reports only.
        images: uint8, shape (n, 1, 28, 28).
        config: its changes take effect at their steps.
        compute: the device, and the precision of the forward and the backward pass.
        report_seconds: at least this long between two reports.
        resume: the state to resume; None starts with the model as it is. Of several processes the first
            decides.
        save: called with the state at the start, after every epoch, every `save_seconds` and where the run
            halts, unless a value in it is not finite.
        steering: of `config`, for whoever wants to change settings or to halt meanwhile; one process only.
        report_at: given the steps done, says whether to report whatever the clock says.
    Raises:
        TrainingDivergedError: when a report finds a loss that is not finite.

    >>> from ae_core import RECIPES, choose_compute, initial_model, load_mnist, train
    >>> recipe = RECIPES["sparse"]["fast"].override(epochs=1)
    >>> model, images = initial_model(recipe), load_mnist("train").images[:200]
    >>> reports = list(train(model, images, recipe.train, choose_compute("cpu")))
    >>> reports[-1].step, reports[-1].total_steps
    (4, 4)
    """
    model.to(compute.device).to(memory_format=torch.channels_last).train()
    images = images.to(compute.device)
    order = ShuffledEpochs(len(images), config.batch_size, config.seed, compute.device)
    take_step = fastest_step(model, images, config, compute.precision)
    live = LiveState(model, take_step, order)
    step = live.restore(resume)
    steering = steering or Steering(config)
    settings = steering.at(step)
    take_step.steer(settings)
    total_steps = _total_steps(settings, step, order.steps_per_epoch)
    saver = Saver(live, save, save_seconds)
    meter = Meter(step, order.steps_per_epoch, config.batch_size, report_seconds)
    last_good = _LastGoodWeights(model, step)

    saver.save(step)
    while step < total_steps:
        for indices in order.rest_of_epoch(step):
            if settings is not (settings := steering.at(step)):
                # Saved at once, so that no resume can lose it.
                saver.save(step)
                take_step.steer(settings)
                total_steps = _total_steps(settings, step + 1, order.steps_per_epoch)
            take_step(indices, learning_rate_at(settings, step, total_steps))
            step += 1

            if halts := steering.halts_after(step):
                saver.save(step)
            if halts or report_at(step) or meter.is_due(step, total_steps):
                loss, mse, penalty = take_step.mean_losses(meter.steps_since_report(step))
                last_good.check(step, total_steps, loss, images[indices])
                yield meter.report(step, total_steps, loss, mse, penalty)
                meter.restart(step)
            if saver.is_due(step) and not halts:
                saver.save(step)
        # Somebody may have asked for more epochs meanwhile.
        total_steps = _total_steps(steering.at(step), step, order.steps_per_epoch)


def _total_steps(settings: TrainConfig, step: int, steps_per_epoch: int) -> int:
    """The steps of all epochs; an epoch that has begun is finished, even if fewer are wanted by now."""
    return max(settings.epochs, math.ceil(step / steps_per_epoch)) * steps_per_epoch


def learning_rate_at(config: TrainConfig, step: int, total_steps: int) -> float:
    """The learning rate of a step, counted from 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warm_up = max(1, round(WARM_UP_SHARE * total_steps))
    rising = (step + 1) / warm_up
    falling = (total_steps - step) / max(1, total_steps - warm_up)
    return config.learning_rate * min(1.0, rising, falling)


class _LastGoodWeights:
    """Weights to fall back on: those of the report before last, for which the losses since then vouch."""

    def __init__(self, model: Autoencoder, step: int) -> None:
        self._model = model
        self._good_step = self._newest_step = step
        self._good = self._newest = self._copy()

    def check(self, step: int, total_steps: int, loss: float, batch: Tensor) -> None:
        """Keep a copy of this step's weights as the newest, or put the good ones back.

        Args:
            loss: the mean of the steps since the last check.
            batch: uint8 images, shape (batch, 1, 28, 28), on which the very last step's weights are tried:
                no later loss vouches for them.
        Raises:
            TrainingDivergedError: if the loss is not finite, or, after the last step, a reconstruction.
        """
        if not (math.isfinite(loss) and (step < total_steps or self._works_on(batch))):
            self._model.load_state_dict(self._good)
            raise TrainingDivergedError(step, total_steps, self._good_step)
        self._good_step, self._good = self._newest_step, self._newest
        self._newest_step, self._newest = step, self._copy()

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self._model.state_dict().items()}

    @torch.no_grad()
    def _works_on(self, batch: Tensor) -> bool:
        x = to_float(batch).to(next(self._model.parameters()).dtype)
        return bool(self._model(x).reconstruction.isfinite().all())
