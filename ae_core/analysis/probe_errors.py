"""The names of a probe's values: test errors in percent; `probe.py` measures them."""

from __future__ import annotations

FEW_LABELS = (1000, 100)
"""Numbers of labelled images besides all of them."""
DRAWS = 5
"""Of so many labelled images; the errors are their mean and standard deviation."""
PROBE_NOISES = (0.1, 0.2, 0.3)
SHIFTS = (1, 2)
"""Pixels: of four images that follow each other one each goes right, left, down and up."""


def few_labels(count: int) -> str:
    """The name of the error with so many labels: its mean over the draws."""
    return f"probe_error_{count}"


def deviation(count: int) -> str:
    """The name of the standard deviation over the draws."""
    return f"{few_labels(count)}_deviation"


def noisy(standard_deviation: float) -> str:
    """The name of the error on noisy test images."""
    return f"probe_error_noise_{standard_deviation:g}"


def shifted(pixels: int) -> str:
    """The name of the error on shifted test images."""
    return f"probe_error_shift_{pixels}"


ALL_LABELS = "probe_error_all"
ERRORS = (
    ALL_LABELS,
    *(name for count in FEW_LABELS for name in (few_labels(count), deviation(count))),
    *map(noisy, PROBE_NOISES),
    *map(shifted, SHIFTS),
)
"""The names of all values of a probe. On noisy and shifted images reads the reader of all labels."""
OF_FEW_LABELS = {name for count in FEW_LABELS for name in (few_labels(count), deviation(count))}
"""Those that a set with fewer labels has not."""
