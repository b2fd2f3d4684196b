"""Expected failures, as sentences on the page instead of Streamlit's box with a traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from ae_core.errors import explain
from ae_core.ui import session
from ae_core.ui.state import lab

P = ParamSpec("P")


def guard(callback: Callable[P, None]) -> Callable[P, None]:
    """Make a widget's callback one that nothing cuts off, and whose expected failures are told on the page.

    Other errors are raised.
    """

    @wraps(callback)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        with session.uninterrupted():
            lab().problem = None
            try:
                callback(*args, **kwargs)
            except Exception as error:
                lab().problem = _sentence(error)
            lab().page_stale = True

    return guarded


@contextmanager
def guard_part() -> Iterator[None]:
    """Tell the expected failure of a part of the page in its place; the other parts are drawn anyway."""
    try:
        yield
    except Exception as error:
        st.error(_sentence(error))


def show() -> None:
    """Tell what went wrong in the last callback."""
    if lab().problem is not None:
        st.error(lab().problem)


def _sentence(error: Exception) -> str:
    sentence = explain(error)
    if sentence is None:
        raise error
    return sentence
