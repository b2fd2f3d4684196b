"""Training: one loop for both kinds, every recipe, CPU and CUDA.

The caller steps it: `train` is a generator that reports about ten times a second and stops when it is closed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import torch
from torch import Tensor

from ae_core.config import TrainConfig
from ae_core.data import shuffled_batches, to_float
from ae_core.model import Autoencoder
from ae_core.stepping import fastest_step

DeviceName = Literal["auto", "cuda", "cpu"]

REPORT_SECONDS = 0.1
WARM_UP_SHARE = 0.3


class DeviceError(Exception):
    """The device that was asked for is not there."""


class TrainingDivergedError(Exception):
    """The loss is no longer finite; the model is back at its last good weights."""


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
) -> Iterator[TrainProgress]:
    """Train `model` in place; yields a report now and then and one after the last step.

        loss = mse + penalty_weight * penalty

    On a CPU the same seed, precision and thread count give the same weights bit for bit; on CUDA up to the
    order in which its kernels sum. Closing the generator stops the run.

    Args:
        model: moved to the device, and updated between reports only.
        images: uint8, shape (n, 1, 28, 28).
        report_seconds: at least this long between two reports.
    Raises:
        TrainingDivergedError: when a report finds a loss that is not finite.
    """
    device = compute.device
    model.to(device, memory_format=torch.channels_last).train()
    images = images.to(device)
    order = torch.Generator().manual_seed(config.seed)
    take_step = fastest_step(model, images, config, compute.precision)

    total_steps = config.epochs * math.ceil(len(images) / config.batch_size)
    step = reported_step = good_step = 0
    started = reported = perf_counter()
    last_good = newest = _copy_of_weights(model)
    for epoch in range(1, config.epochs + 1):
        for indices in shuffled_batches(len(images), config.batch_size, order, device):
            take_step(indices, learning_rate_at(config, step, total_steps))
            step += 1

            now = perf_counter()
            if now - reported < report_seconds and step < total_steps:
                continue
            loss, mse, penalty = (take_step.sums / (step - reported_step)).tolist()
            if not (math.isfinite(loss) and (step < total_steps or _is_finite(model, images[indices]))):
                model.load_state_dict(last_good)
                raise TrainingDivergedError(
                    f"Training diverged: the loss was no longer finite by step {step} of {total_steps}. "
                    f"The weights of step {good_step} are kept. "
                    "Try a smaller learning rate or penalty weight."
                )
            # A finite loss vouches for the weights of the report before, not yet for those of this one.
            last_good, good_step, newest = newest, reported_step, _copy_of_weights(model)
            take_step.sums.zero_()
            per_step = (perf_counter() - started) / step
            yield TrainProgress(
                epoch=epoch,
                step=step,
                total_steps=total_steps,
                loss=loss,
                mse=mse,
                penalty=penalty,
                images_per_second=config.batch_size / per_step,
                seconds_left=(total_steps - step) * per_step,
            )
            reported, reported_step = perf_counter(), step


def learning_rate_at(config: TrainConfig, step: int, total_steps: int) -> float:
    """The learning rate of a step, counted from 0."""
    if config.schedule == "constant":
        return config.learning_rate
    warm_up = max(1, round(WARM_UP_SHARE * total_steps))
    rising = (step + 1) / warm_up
    falling = (total_steps - step) / max(1, total_steps - warm_up)
    return config.learning_rate * min(1.0, rising, falling)


def _copy_of_weights(model: Autoencoder) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.state_dict().items()}


@torch.no_grad()
def _is_finite(model: Autoencoder, images: Tensor) -> bool:
    return bool(model(to_float(images)).reconstruction.isfinite().all())
