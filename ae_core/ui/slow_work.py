"""What takes seconds to work out of a model: once, in a thread of its own, while the page still listens."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import lru_cache
from typing import Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ae_core.training.compute import give_way
from ae_core.ui import clock
from ae_core.ui.shown import Shown
from ae_core.ui.state import lab

T = TypeVar("T")

_LOOK_SECONDS = 0.05
_SECONDS_BETWEEN = 0.3
"""Between two looks of a part of the page."""

pool = ThreadPoolExecutor(1, "slow work", initializer=give_way)


class SlowWork(Generic[T]):
    """Results by their models, of which the last ones are kept.

    Args:
        work: gives the result; it asks nothing of the session.
        kept: how many results.
    """

    def __init__(self, work: Callable[[Shown], T], kept: int) -> None:
        def begin(shown: Shown) -> Future[T]:
            return pool.submit(work, shown)

        # A model is equal to itself alone.
        self._begun = lru_cache(maxsize=kept)(begin)

    def find(self, shown: Shown) -> T | None:
        """The result; None while it is being worked out, which this starts."""
        begun = self._begun(shown)
        return self._result(begun) if begun.done() else None

    def find_or_say(self, shown: Shown, meanwhile: str, name: str) -> T | None:
        """The result; while it is being worked out, a sentence in its place and another look in a moment.

        Args:
            meanwhile: the sentence.
            name: of the clock that has the part of the page drawn again in which this is called.
        """
        found = self.find(shown)
        if found is None:
            st.caption(meanwhile)
            clock.again_after(_SECONDS_BETWEEN, name)
        return found

    def get(self, shown: Shown) -> T:
        """The result, for which this waits; what the browser asks for meanwhile comes first."""
        begun = self._begun(shown)
        while not wait([begun], _LOOK_SECONDS).done:
            if get_script_run_ctx() is not None:
                # One thread draws a session's page: it hears of what came in where it asks for something.
                lab()
        return self._result(begun)

    def _result(self, begun: Future[T]) -> T:
        if begun.exception() is not None:
            # What failed is tried again by whoever asks next.
            self._begun.cache_clear()
        return begun.result()
