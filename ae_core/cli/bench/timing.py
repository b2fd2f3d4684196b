"""Timing tasks against each other, and the rows of the benchmark's table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter

HEADING = "| what | here | beside it | ratio |\n|---|---|---|---|"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: str
    beside: str
    """What it is compared with, and its value."""
    ratio: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.ours} | {self.beside} | {self.ratio} |"


def in_turn(repeats: int, *tasks: Callable[[], object], warm: bool = False) -> list[float]:
    """Median seconds of each task; they take turns. If `warm`, an untimed call precedes each timed one."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repeats):
        for task, taken in zip(tasks, seconds, strict=True):
            if warm:
                task()
            started = perf_counter()
            task()
            taken.append(perf_counter() - started)
    return [median(taken) for taken in seconds]


def as_seconds(seconds: float) -> str:
    """A duration as the table shows it."""
    return f"{seconds:.3g} s"


def as_milliseconds(seconds: float) -> str:
    """A short duration as the table shows it."""
    return f"{1000 * seconds:.3g} ms"
