"""What the session and the address hold: asked and told here alone, by names that `keys.py` lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException, get_script_run_ctx

T = TypeVar("T")

_waiting: ContextVar[list[RerunException] | None] = ContextVar("waiting", default=None)
"""What the browser asked for while something is done that is not cut off."""


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Nothing that the browser sends cuts off what is done here: it is heard afterwards.

    Streamlit looks for what came in meanwhile whenever the session is asked for something, and raises it
    there: a callback would end in the middle, and as its widget has changed already, never be called again.
    """
    waiting: list[RerunException] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
        context = get_script_run_ctx()
        for asked in waiting:
            assert context is not None and context.script_requests is not None, "a running script was asked"
            context.script_requests.request_rerun(asked.rerun_data)


def _ask_session(act: Callable[[], T]) -> T:
    waiting = _waiting.get()
    while True:
        try:
            return act()
        except RerunException as asked:
            if waiting is None:
                raise
            waiting.append(asked)


@dataclass(frozen=True)
class Key(Generic[T]):
    """A name of the session's state, and the value that stands under it."""

    name: str

    def get(self) -> T:
        """The value.

        Raises:
            KeyError: if there is none: no widget has had this key, and nothing has set it.
        """
        return _ask_session(lambda: st.session_state[self.name])

    def find(self) -> T | None:
        """The value, None if there is none."""
        return _ask_session(lambda: st.session_state.get(self.name))

    def set(self, value: T) -> None:
        """Put a value in; one that a widget shows can be set by callbacks, or before the widget is drawn."""
        _ask_session(lambda: st.session_state.__setitem__(self.name, value))

    def show(self, value: T) -> None:
        """Have the widget that is drawn next show a value.

        One that does already is left alone: what is set the browser takes over, also where a hand has moved
        the widget meanwhile and not let it go yet.
        """
        if self.find() != value:
            self.set(value)

    def set_default(self, value: T) -> None:
        """Put a value in if there is none."""
        _ask_session(lambda: st.session_state.setdefault(self.name, value))


def settings_now(initial: Mapping[str, Any]) -> dict[str, Any]:
    """What a view's widgets say, by their keys; one that was not drawn yet says what it will say at first."""
    return _ask_session(lambda: {name: st.session_state.get(name, value) for name, value in initial.items()})


def set_settings(settings: Mapping[str, Any]) -> None:
    """Set a view's widgets, by their keys, for callbacks."""
    for name, value in settings.items():
        Key[Any](name).set(value)


def in_address(name: str) -> str | None:
    """What the address says under a name; None if it says nothing."""
    return _ask_session(lambda: st.query_params.get(name))


def write_address(said: Mapping[str, str], keeping: Iterable[str]) -> None:
    """Have the address say this and nothing else, as one step of the browser's history.

    Args:
        keeping: names under which it goes on saying what it says.
    """
    kept = {name: text for name in keeping if (text := in_address(name)) is not None}
    st.query_params.from_dict({**kept, **said})


def is_back_or_forward() -> bool:
    """Whether the page is drawn because somebody went back or forward in the browser's history."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def is_whole_page() -> bool:
    """Whether the whole page is drawn, and not a part of it alone."""
    context = get_script_run_ctx()
    return context is None or not context.fragment_ids_this_run
