"""The course of a training as its checkpoint keeps it: a row for each report, thinned if there are many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from ae_core.config import is_number
from ae_core.errors import CheckpointError

T = TypeVar("T")

MOST_ROWS = 500


class Row(NamedTuple):
    """The losses of a report: means over the steps since the one before."""

    step: int
    epoch: int
    loss: float
    mse: float
    penalty: float
    """Before it is multiplied by its weight."""


History = tuple[Row, ...]


def thinned(items: Sequence[T], most: int = MOST_ROWS) -> tuple[T, ...]:
    """At most so many of the items, and at least two, evenly over them; the first and the last one stay."""
    if len(items) <= most:
        return tuple(items)
    last = len(items) - 1
    return tuple(items[round(index * last / (most - 1))] for index in range(most))


def to_json(history: History) -> str:
    """The rows as a checkpoint's metadata hold them."""
    return json.dumps(history, allow_nan=False, separators=(",", ":"))


def parse_history(name: str, text: str) -> History:
    """The inverse of `to_json`.

    Args:
        name: of the file, for sentences about it.
    Raises:
        CheckpointError: for anything else.
    """
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError):
        rows = None
    columns = len(Row._fields)
    sound = (
        isinstance(rows, list)
        and len(rows) <= MOST_ROWS
        and all(isinstance(row, list) and len(row) == columns and all(map(is_number, row)) for row in rows)
    )
    if not sound:
        raise CheckpointError(f"{name} is damaged: its history is not a table of numbers.")
    return tuple(Row(*row) for row in rows)
