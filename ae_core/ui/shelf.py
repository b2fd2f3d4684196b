"""The labs of visitors who went away, kept for a while under tokens that only their browsers know."""

from __future__ import annotations

import secrets
import threading
from time import monotonic
from typing import Generic, TypeVar

KEPT_SECONDS = 2 * 3600.0
MOST_KEPT = 50
"""A class; the oldest go first."""

T = TypeVar("T")


def new_token() -> str:
    """A new token that nobody can guess."""
    return secrets.token_urlsafe(32)


class Shelf(Generic[T]):
    """Things that were left, each under its token; threads may share it.

    Args:
        kept_seconds: how long they are kept.
        most: how many.
    """

    def __init__(self, kept_seconds: float = KEPT_SECONDS, most: int = MOST_KEPT) -> None:
        self._kept_seconds = kept_seconds
        self._most = most
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, T]] = {}

    def put(self, token: str, thing: T) -> None:
        """Keep a thing, and let go of those that are too old or too many."""
        with self._lock:
            self._left.pop(token, None)
            self._left[token] = (monotonic(), thing)
            oldest = monotonic() - self._kept_seconds
            fresh = [(token, left) for token, left in self._left.items() if left[0] > oldest]
            self._left = dict(fresh[-self._most :])

    def take(self, token: str) -> T | None:
        """Hand out what lies under a token, and keep it no longer; None if there is nothing."""
        with self._lock:
            since, thing = self._left.pop(token, (0.0, None))
        return thing if monotonic() - since < self._kept_seconds else None
