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
) -> Iterator[TrainProgress]:
    """Train `model` in place; yields a report now and then and one after the last step.

        loss = mse + penalty_weight * penalty

    The caller steps it, and closing the generator stops the run. On a CPU the same seed, precision and thread
    count give the same weights bit for bit, interrupted or not; on CUDA up to the order in which its kernels
    sum. Processes that torchrun started share every batch.

    Args:
        model: moved to the device, and updated between reports only.
        images: uint8, shape (n, 1, 28, 28).
        compute: the device, and the precision of the forward and the backward pass.
        report_seconds: at least this long between two reports.
        resume: the state to resume; None starts with the model as it is. Of several processes the first
            decides.
        save: called with the state at the start, after every epoch and every `save_seconds`, unless a
            value in it is not finite.
    Raises:
        TrainingDivergedError: when a report finds a loss that is not finite.
    """
    model.to(compute.device).to(memory_format=torch.channels_last).train()
    images = images.to(compute.device)
    order = ShuffledEpochs(len(images), config.batch_size, config.seed, compute.device)
    total_steps = config.epochs * order.steps_per_epoch
    take_step = fastest_step(model, images, config, compute.precision)
    live = LiveState(model, take_step, order)
    step = live.restore(resume)
    saver = Saver(live, save, save_seconds)
    meter = Meter(step, total_steps, order.steps_per_epoch, config.batch_size, report_seconds)
    last_good = _LastGoodWeights(model, step, total_steps)

    saver.save(step)
    while step < total_steps:
        for indices in order.rest_of_epoch(step):
            take_step(indices, learning_rate_at(config, step, total_steps))
            step += 1

            if meter.is_due(step):
                loss, mse, penalty = take_step.mean_losses(meter.steps_since_report(step))
                last_good.check(step, loss, images[indices])
                yield meter.report(step, loss, mse, penalty)
                meter.restart(step)
            if saver.is_due(step):
                saver.save(step)


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

    def __init__(self, model: Autoencoder, step: int, total_steps: int) -> None:
        self._model = model
        self._total_steps = total_steps
        self._good_step = self._newest_step = step
        self._good = self._newest = self._copy()

    def check(self, step: int, loss: float, batch: Tensor) -> None:
        """Keep a copy of this step's weights as the newest, or put the good ones back.

        Args:
            loss: the mean of the steps since the last check.
            batch: uint8 images, shape (batch, 1, 28, 28), on which the very last step's weights are tried:
                no later loss vouches for them.
        Raises:
            TrainingDivergedError: if the loss is not finite, or, after the last step, a reconstruction.
        """
        if not (math.isfinite(loss) and (step < self._total_steps or self._works_on(batch))):
            self._model.load_state_dict(self._good)
            raise TrainingDivergedError(step, self._total_steps, self._good_step)
        self._good_step, self._good = self._newest_step, self._newest
        self._newest_step, self._newest = step, self._copy()

    def _copy(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self._model.state_dict().items()}

    @torch.no_grad()
    def _works_on(self, batch: Tensor) -> bool:
        x = to_float(batch).to(next(self._model.parameters()).dtype)
        return bool(self._model(x).reconstruction.isfinite().all())
