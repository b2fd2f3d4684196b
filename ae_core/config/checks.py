"""What the values of a configuration are checked by."""

from __future__ import annotations

import sys


def require(condition: bool, message: str) -> None:
    """Raise a `ValueError` with this message unless the condition holds."""
    if not condition:
        raise ValueError(message)


def is_number(value: object) -> bool:
    """Whether a value is a finite number that a float can hold."""
    # Compared without conversion: float() fails on a whole number with hundreds of digits.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def is_count(value: object, minimum: int) -> bool:
    """Whether a value is a whole number of at least the minimum."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= minimum
