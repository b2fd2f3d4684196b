"""Training: one loop for both kinds, every recipe, CPU and CUDA.

The caller steps it: `train` is a generator that reports about ten times a second and stops when it is closed.
Now and then it hands out its state, from which it goes on as if it had never been interrupted.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor

from ae_core import distributed
from ae_core.config import TrainConfig
from ae_core.data import shuffled_batches, to_float
from ae_core.errors import DeviceError, TrainingDivergedError
from ae_core.model import Autoencoder
from ae_core.stepping import Step, fastest_step

DeviceName = Literal["auto", "cuda", "cpu"]

REPORT_SECONDS = 0.1
SAVE_SECONDS = 20.0
_STEPS_A_REPORT = 20
"""Of several processes."""
WARM_UP_SHARE = 0.3


@dataclass(frozen=True)
class Compute:
    """Where to train and in which precision, and why."""

    device: torch.device
    precision: torch.dtype
    """bfloat16 autocasts convolutions; weights, losses and the optimiser stay in float32 in any case."""
    reason: str

    def __str__(self) -> str:
        return f"{self.device.type}, {str(self.precision).removeprefix('torch.')}"


@dataclass(frozen=True)
class TrainProgress:
    """How far a run is. The losses are means over the steps since the last report."""

    epoch: int
    """From 1."""
    step: int
    """Optimisation steps done, of all epochs."""
    total_steps: int
    loss: float
    mse: float
    penalty: float
    """Before its weight."""
    images_per_second: float
    seconds_left: float

    @property
    def fraction(self) -> float:
        """Finished share in [0, 1]."""
        return self.step / self.total_steps


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
        """Whether it is worth going on with."""
        return all(value.isfinite().all() for value in (*self.weights.values(), *self.optimizer.values()))


def available_devices() -> tuple[DeviceName, ...]:
    """What `choose_compute` accepts on this machine."""
    return ("auto", "cuda", "cpu") if torch.cuda.is_available() else ("auto", "cpu")


def choose_compute(device: str = "auto") -> Compute:
    """Pick the device, and bfloat16 where the hardware has it natively.

    Raises:
        DeviceError: for a name other than auto, cuda and cpu, or a device that this machine lacks.
    """
    if device not in ("auto", "cuda", "cpu"):
        raise DeviceError(f"Unknown device {device!r}: choose auto, cuda or cpu.")
    if device not in available_devices():
        raise DeviceError("There is no CUDA device that PyTorch can use here: choose auto or cpu.")
    if device != "cpu" and torch.cuda.is_available():
        name = torch.cuda.get_device_name()
        native = torch.cuda.is_bf16_supported(including_emulation=False)
        chosen = torch.device("cuda")
    else:
        name = "this processor"
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        native = capabilities.get("avx512_bf16", False) or capabilities.get("amx_bf16", False)
        chosen = torch.device("cpu")
    precision = torch.bfloat16 if native else torch.float32
    return Compute(chosen, precision, f"{name} {'has' if native else 'lacks'} native bfloat16")


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

    On a CPU the same seed, precision and thread count give the same weights bit for bit, interrupted or not;
    on CUDA up to the order in which its kernels sum. Processes that torchrun started share every batch.
    Closing the generator stops the run.

    Args:
        model: moved to the device, and updated between reports only.
        images: uint8, shape (n, 1, 28, 28).
        report_seconds: at least this long between two reports.
        resume: where to go on; None starts with the model as it is. Of several processes the first decides.
        save: called with the state at the start, after every epoch and every `save_seconds`, unless a
            number in it is not finite.
    Raises:
        TrainingDivergedError: when a report finds a loss that is not finite.
    """
    device = compute.device
    if resume is not None:
        model.load_state_dict(resume.weights)
    model.to(device, memory_format=torch.channels_last).train()
    images = images.to(device)
    order = torch.Generator().manual_seed(config.seed)
    take_step = fastest_step(model, images, config, compute.precision)
    step = 0
    if distributed.size() > 1:
        resume = _state_of_process_0(resume or _state(model, take_step, 0, order.get_state()))
        model.load_state_dict(resume.weights)
    if resume is not None:
        step = resume.step
        take_step.restore(resume.optimizer, step)
        order.set_state(resume.order)

    steps_an_epoch = math.ceil(len(images) / config.batch_size)
    total_steps = config.epochs * steps_an_epoch
    first_step = reported_step = good_step = step
    started = reported = saved = perf_counter()
    last_good = newest = _copy_of_weights(model)
    if save is not None:
        save(_state(model, take_step, step, order.get_state()))
    while step < total_steps:
        epoch_order = order.get_state()
        batches = shuffled_batches(len(images), config.batch_size, order, device)
        for indices in islice(batches, step % steps_an_epoch, None):
            take_step(indices, learning_rate_at(config, step, total_steps))
            step += 1

            if distributed.size() > 1:
                # A report is a mean over processes: they have to agree on when, and clocks do not.
                due = step % _STEPS_A_REPORT == 0
            else:
                due = perf_counter() - reported >= report_seconds
            if due or step == total_steps:
                loss, mse, penalty = take_step.mean_losses(step - reported_step)
                if not (math.isfinite(loss) and (step < total_steps or _is_finite(model, images[indices]))):
                    model.load_state_dict(last_good)
                    raise TrainingDivergedError(
                        f"Training diverged: the loss was no longer finite by step {step} of {total_steps}. "
                        f"The weights of step {good_step} are kept. "
                        "Try a smaller learning rate or penalty weight."
                    )
                # A finite loss vouches for the weights of the report before, not yet for those of this one.
                last_good, good_step, newest = newest, reported_step, _copy_of_weights(model)
                per_step = (perf_counter() - started) / (step - first_step)
                yield TrainProgress(
                    epoch=math.ceil(step / steps_an_epoch),
                    step=step,
                    total_steps=total_steps,
                    loss=loss,
                    mse=mse,
                    penalty=penalty,
                    images_per_second=config.batch_size / per_step,
                    seconds_left=(total_steps - step) * per_step,
                )
                reported, reported_step = perf_counter(), step

            epoch_ends = step % steps_an_epoch == 0
            if save is not None and (epoch_ends or perf_counter() - saved >= save_seconds):
                state = _state(model, take_step, step, order.get_state() if epoch_ends else epoch_order)
                if state.is_finite:
                    save(state)
                saved = perf_counter()


def learning_rate_at(config: TrainConfig, step: int, total_steps: int) -> float:
    """The learning rate of a step, counted from 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warm_up = max(1, round(WARM_UP_SHARE * total_steps))
    rising = (step + 1) / warm_up
    falling = (total_steps - step) / max(1, total_steps - warm_up)
    return config.learning_rate * min(1.0, rising, falling)


def _state(model: Autoencoder, take_step: Step, step: int, order: Tensor) -> TrainState:
    # A copy even where the weights lie on the CPU already: the next step changes them in place.
    weights = {
        name: value.to("cpu", memory_format=torch.contiguous_format, copy=True)
        for name, value in model.state_dict().items()
    }
    return TrainState(step, weights, take_step.state(), order)


def _state_of_process_0(own: TrainState) -> TrainState:
    """Replace every process's state by that of process 0, which alone reads files."""
    step = torch.tensor(own.step)
    distributed.same_everywhere({**own.weights, **own.optimizer, "order": own.order, "step": step})
    return replace(own, step=int(step))


def _copy_of_weights(model: Autoencoder) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def _is_finite(model: Autoencoder, images: Tensor) -> bool:
    x = to_float(images).to(next(model.parameters()).dtype)
    return bool(model(x).reconstruction.isfinite().all())
