"""Measurements in the background, one at a time in the process: start, watch, stop."""

from __future__ import annotations

import atexit
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ae_core.analysis.probe import Advance
from ae_core.errors import explain
from ae_core.training.compute import give_way
from ae_core.training.device_queue import Turn

_TURN_SECONDS = 0.2
_GOODBYE_SECONDS = 10.0

_log = logging.getLogger(__name__)

T = TypeVar("T")


class _StoppedError(Exception):
    """Nobody wants the result any more."""


class BackgroundWork(Generic[T]):
    """A measurement; its thread starts at once, and works when no other does.

    Args:
        name: of the measurement, for sentences: "The probe".
        work: gives the result; it calls what it is given with the share that is done, and often, since it is
            stopped from there.
    """

    def __init__(self, name: str, work: Callable[[Advance], T]) -> None:
        self._name, self._work = name, work
        self._stopped = threading.Event()
        self.share = 0.0
        """How far it is, in [0, 1]."""
        self.result: T | None = None
        """What was measured; None before the end."""
        self.error: str | None = None
        """A sentence on why there will be none."""
        # Some take hundreds of megabytes: one after the other.
        self._turn = Turn("background")
        self._turn.join()
        self._thread = threading.Thread(target=self._run, daemon=True, name=name)
        self._thread.start()
        _ALL.add(self)

    @property
    def running(self) -> bool:
        """Whether it goes on, or waits for its turn."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> bool:
        """Whether another measurement comes first."""
        return self.running and self._turn.is_waiting()

    def stop(self) -> None:
        """Ask it to end within a moment, without a result."""
        self._stopped.set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the thread has ended; for programs without a page."""
        self._thread.join(timeout)

    def _run(self) -> None:
        give_way()
        try:
            while self._turn.ahead() > 0:
                self._stopped.wait(_TURN_SECONDS)
                self._advance(0.0)
            self.result = self._work(self._advance)
        except _StoppedError:
            pass
        except Exception as raised:
            # Whatever happens, the page must not wait for a thread that is gone.
            self.error = explain(raised)
            if self.error is None:
                self.error = f"{self._name} ended early ({type(raised).__name__}): {raised}"
                _log.exception("%s failed", self._name)
        finally:
            self._turn.leave()

    def _advance(self, share: float) -> None:
        self.share = share
        if self._stopped.is_set():
            raise _StoppedError


_ALL: weakref.WeakSet[BackgroundWork[Any]] = weakref.WeakSet()


def _end_all() -> None:
    for work in list(_ALL):
        work.stop()
    for work in list(_ALL):
        work.wait(_GOODBYE_SECONDS)


# A thread that is inside PyTorch while Python shuts down would abort the process.
atexit.register(_end_all)
