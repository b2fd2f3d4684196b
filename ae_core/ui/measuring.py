"""A measurement in the background as the page shows it: a bar that moves, and a button to stop it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from ae_core.training.background_work import BackgroundWork
from ae_core.ui import clock
from ae_core.ui.parts import part
from ae_core.ui.problems import guard

_POLL_SECONDS = 0.5


@part
def show(
    key: str,
    find: Callable[[], BackgroundWork[Any] | None],
    stop: Callable[[], None],
    text: str,
) -> None:
    """The bar of a measurement; when it has ended the page is drawn anew.

    Args:
        key: of the part, unique on the page.
        find: the measurement; None, or one that ended with an error or by Stop, shows no bar.
        text: what is being done.
    """
    work = find()
    if work is None or work.error is not None:
        return
    if not work.running:
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(work.share, "Another measurement comes first" if work.waiting else text)
        st.button("Stop", on_click=guard(stop), key=f"stop_{key}")
    clock.again_after(_POLL_SECONDS, key)
