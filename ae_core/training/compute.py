"""Where to train and in which precision."""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import dataclass
from typing import Literal

import torch

from ae_core.errors import DeviceError

DeviceName = Literal["auto", "cuda", "cpu"]
_NICENESS = 10


@dataclass(frozen=True)
class Compute:
    """Where to train and in which precision, and why."""

    device: torch.device
    precision: torch.dtype
    """Of the forward and the backward pass; weights, losses and the optimiser are in float32 in any case."""
    reason: str
    """Why in this precision, in words."""

    def __str__(self) -> str:
        return f"{self.device.type}, {str(self.precision).removeprefix('torch.')}"


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


def give_way() -> None:
    """Let the page's threads go first: one core stays free, and where a thread has a priority it is lowered.

    With as many threads as cores they wait for each other whenever the page computes: measured, that trains
    ten times slower than with one thread less.
    """
    torch.set_num_threads(max(1, (os.cpu_count() or 1) - 1))
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)
