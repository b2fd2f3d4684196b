"""What the server does besides what Streamlit's own does."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

FRAME = "frame"
"""The address of answers to the hand, below the page's own."""


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """From before the server listens until it has ended."""
    _send_at_once(asyncio.get_running_loop())
    Thread(target=load_pages, name="what pages need", daemon=True).start()
    yield


def _send_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Have servers of the loop send at once what is written.

    Streamlit makes its socket without naming TCP, and asyncio then leaves Nagle's algorithm on: the second of
    two small messages waits for the receipt of the first, for which the other side takes 40 ms. Connections
    have the setting of the socket that they come from.
    """
    create_server = loop.create_server

    async def create_quick_server(*arguments: Any, **options: Any) -> asyncio.Server:  # noqa: ANN401 - asyncio's
        if options.get("sock") is not None:
            options["sock"].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await create_server(*arguments, **options)

    # Another kind of loop, such as uvloop's, sends at once by itself.
    if isinstance(loop, asyncio.BaseEventLoop):
        loop.create_server = create_quick_server  # type: ignore[method-assign]


def load_pages() -> None:
    """Load what pages need, PyTorch above all, while the first browser still loads Streamlit's scripts."""
    # Imports leave no garbage, and looking for it among ever more objects takes a tenth of their time.
    gc.disable()
    # What fails here fails again as the first page is drawn, which tells of it.
    with suppress(Exception):
        from ae_core.ui import page

        page.get_ready()
    gc.enable()


def routes() -> list[Route]:
    """The addresses that are answered here."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    path = "/".join(("", *filter(None, (base, FRAME))))
    return [Route(path, _answer_frame, methods=["POST"])]


async def _answer_frame(request: Request) -> Response:
    # Not at import: the server starts at once, and loads meanwhile what pages need.
    from ae_core.ui import frames

    return await frames.answer(request)
