"""Who may train on a device: one at a time, first come, first served."""

from __future__ import annotations

import threading
from collections import defaultdict

_LOCK = threading.Lock()
_QUEUES: defaultdict[str, list[Turn]] = defaultdict(list)


class Turn:
    """A place in a device's queue, for one run or for several that train together.

    Args:
        device: type of the device, such as cuda.
        members: runs that share the place; it is given up when all of them have left.
    """

    def __init__(self, device: str, members: int = 1) -> None:
        self._queue = _QUEUES[device]
        self._members = members

    def join(self) -> None:
        """Take the last place in the queue, unless one of the runs that share it has done so already."""
        with _LOCK:
            if self not in self._queue and self._members > 0:
                self._queue.append(self)

    def ahead(self) -> int:
        """How many turns come before this one; 0 if it is this one's.

        Raises:
            ValueError: if it is not in the queue.
        """
        with _LOCK:
            return self._queue.index(self)

    def is_waiting(self) -> bool:
        """Whether it is in the queue and another turn comes first."""
        with _LOCK:
            return self in self._queue[1:]

    def come_back(self) -> None:
        """Take the last place in the queue again, for a run that has left but goes on after all."""
        with _LOCK:
            self._members += 1
            if self not in self._queue:
                self._queue.append(self)

    def leave(self) -> None:
        """Say that one of the runs that share the place has ended, or waits no longer."""
        with _LOCK:
            self._members -= 1
            if self._members == 0 and self in self._queue:
                self._queue.remove(self)
