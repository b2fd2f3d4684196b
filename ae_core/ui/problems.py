"""What goes wrong although nobody programmed badly, as sentences on the page instead of Streamlit's box."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from ae_core.errors import explain
from ae_core.ui.state import lab

P = ParamSpec("P")


def told(callback: Callable[P, None]) -> Callable[P, None]:
    """A widget's callback whose expected failures are told on the page; all else stays as it was."""

    @wraps(callback)
    def telling(*args: P.args, **kwargs: P.kwargs) -> None:
        lab().problem = None
        try:
            callback(*args, **kwargs)
        except Exception as error:
            lab().problem = _sentence(error)

    return telling


@contextmanager
def told_here() -> Iterator[None]:
    """A part of the page whose expected failures are told in its place; the other parts are drawn."""
    try:
        yield
    except Exception as error:
        st.error(_sentence(error))


def show() -> None:
    """What went wrong in the last callback."""
    if lab().problem is not None:
        st.error(lab().problem)


def _sentence(error: Exception) -> str:
    sentence = explain(error)
    if sentence is None:
        raise error
    return sentence
