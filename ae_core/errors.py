"""Expected failures, which no programming rules out: each says in a sentence what is wrong and what to do."""

from __future__ import annotations

import torch


class LabError(Exception):
    """An error whose message is one sentence, or a few, on what is wrong and what to do."""


class DataError(LabError):
    """A file of the data set is missing or damaged; the message names it."""


class PictureError(LabError):
    """An upload is no picture of a digit; the message says why, and what to do."""


class CheckpointError(LabError):
    """A file of this lab cannot be read or written; the message says what is wrong and what to do."""


class PocketError(LabError):
    """A model cannot be part of a pocket edition: the message says why."""


class ProbeError(LabError):
    """A code cannot be probed: the message says why."""


class AnalysisError(LabError):
    """There is no such analysis of this model or picture: the message says why."""


class MetricsError(LabError):
    """A model's values are not finite numbers."""


class DeviceError(LabError):
    """The device that was asked for is not there."""


class TrainingDivergedError(LabError):
    """The loss is no longer finite; the model is back at its last good weights.

    Args:
        step: the step at whose report the loss was found not finite.
        total_steps: of the whole run.
        good_step: the step whose weights the model has again; 0 for the initial ones.
    """

    def __init__(self, step: int, total_steps: int, good_step: int) -> None:
        self.good_step = good_step
        super().__init__(
            f"Training diverged: the loss was no longer finite by step {step} of {total_steps}. "
            "Try a smaller learning rate or penalty weight."
        )


class RunInUseError(LabError):
    """Another process, or another session of this one, works on the run."""


class RunGoneError(LabError):
    """The run has ended, or was forgotten."""


class GridError(LabError):
    """A grid's file says something that cannot be trained; the message says where."""


class TableError(LabError):
    """A file is not the table of a sweep; the message says what is wrong with it."""


def explain(error: BaseException) -> str | None:
    """The sentence that tells a person of an expected failure; None for any other, which is a bug."""
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'A file'} cannot be read or written: {error.strerror or error}."
    # The CPU's allocator raises a plain RuntimeError.
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return (
            "There is not enough memory. Choose a smaller batch size, or wait until other programs have "
            "given memory back."
        )
    return None
