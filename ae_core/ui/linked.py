"""How a link says what a widget holds: its value's name in the address, and what is not worth a word."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ae_core.ui.session import Key

T = TypeVar("T")


@dataclass(frozen=True)
class Linked(Generic[T]):
    """A widget's key as the address has it.

    Not Streamlit's `bind`: with it browser and server both write the address, and what the browser has just
    put there is lost where an answer that was on its way still has the address of before.
    """

    key: Key[T]
    initial: T
    """What the widget starts with: the address says nothing of it."""
    read: Callable[[str], T | None]
    """The value that a text stands for; None: none."""
    write: Callable[[T], str]

    def follow(self, text: str | None) -> None:
        """Have the widget hold what the address says, or what it starts with where that is no such value."""
        value = None if text is None else self.read(text)
        self.key.set(self.initial if value is None else value)

    def for_address(self) -> str | None:
        """What the address says of the widget."""
        value = self.key.get()
        return None if value == self.initial else self.write(value)


def choice(
    key: Key[T],
    options: Sequence[T],
    initial: T,
    name: Callable[[T], str] = str,
    former: Mapping[str, T] | None = None,
) -> Linked[T]:
    """One of several options, which the address calls as the page does.

    Args:
        name: of an option on the page.
        former: names in older links; of options that are not there they say nothing.
    """
    known = {
        **{text: option for text, option in (former or {}).items() if option in options},
        **{str(option): option for option in options},
        **{name(option): option for option in options},
    }
    return Linked(key, initial, known.get, name)


def number(key: Key[float], lowest: float, highest: float, initial: float) -> Linked[float]:
    """A number, clamped to what the widget offers."""

    def read(text: str) -> float | None:
        try:
            value = float(text)
        except ValueError:
            return None
        return None if math.isnan(value) else min(max(value, lowest), highest)

    return Linked(key, initial, read, "{:g}".format)


def switch(key: Key[bool]) -> Linked[bool]:
    """On or off, which is how it starts."""
    return Linked(key, False, {"true": True, "false": False}.get, lambda value: str(value).lower())
