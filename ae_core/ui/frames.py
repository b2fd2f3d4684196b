"""Answers to the hand while a stroke is at work or a slider is held: parts of the page.

They are no runs of Streamlit's script: after those the browser looks through the whole page, which takes
longer than all that is computed here.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import AsyncIterator, Iterator, Mapping

import anyio
import numpy as np
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from ae_core.drawing import to_mnist
from ae_core.drawing.photo import SIDE
from ae_core.errors import explain
from ae_core.ui.canvas_states import Frame
from ae_core.ui.following import Following, Parts, Positions
from ae_core.ui.state import Lab, compute_on_one_core, find_lab

_SIDES = (140, SIDE)
"""Of a frame, in pixels: while the pen is down, and as it is lifted."""
_at_once = anyio.CapacityLimiter(os.cpu_count() or 1)


async def answer(request: Request) -> Response:
    """What a frame, or sliders that were moved, make of the page's parts, line by line."""
    lab = find_lab(request.headers.get("x-lab-token", ""))
    if lab is None:
        # Of another process, or of one that has ended: the finished stroke finds its way.
        return Response(status_code=404)
    lab.runs_scripts = True
    try:
        pixels = await _body_of(request, SIDE**2)
    except ClientDisconnect:
        pixels = b""
    parts = _asked(lab, request.headers, pixels)
    if parts is None:
        return Response(status_code=400)
    # Proxies that gather an answer before they pass it on are asked not to.
    return StreamingResponse(_lines(parts), headers={"X-Accel-Buffering": "no"})


def _asked(lab: Lab, headers: Mapping[str, str], pixels: bytes) -> Iterator[Parts] | None:
    """What a request asks for; None if it holds anything else than `read_frame` and `read_positions` take."""
    if "x-moved" in headers:
        positions, let_go = read_positions(headers["x-moved"]), headers.get("x-let-go", "")
        if positions is None or pixels or not let_go.isdecimal():
            return None
        return _parts_moved(lab, positions, int(let_go))
    frame = read_frame(headers.get("x-after", ""), pixels)
    return None if frame is None else _parts(lab, frame)


async def _body_of(request: Request, most: int) -> bytes:
    """The body of a request; of a longer one only so much that it is seen to be too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            break
    return body


def read_frame(after: str, pixels: bytes) -> Frame | None:
    """A frame as the script sends it; None for anything else.

    Args:
        after: a whole number.
        pixels: a byte each, row by row.
    """
    side = math.isqrt(len(pixels))
    if not (after.isdecimal() and side in _SIDES and side**2 == len(pixels)):
        return None
    ink = np.frombuffer(pixels, dtype=np.uint8).reshape(side, side)
    return Frame(int(after), to_mnist(ink))


def read_positions(text: str) -> dict[str, float] | None:
    """Where sliders stand, as the script sends it: numbers by name, as JSON; None for anything else."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    if not isinstance(said, dict) or not all(type(value) in (int, float) for value in said.values()):
        return None
    return said if all(math.isfinite(value) for value in said.values()) else None


def _parts_moved(lab: Lab, positions: Positions, let_go: int) -> Iterator[Parts]:
    """The page's parts with sliders elsewhere; none where they cannot be."""
    there = None if lab.following is None else lab.following.moved(positions)
    if there is None:
        return
    if let_go == lab.let_go:
        # What redraws the page meanwhile, as shaking does, shows it so, too.
        lab.moved = dict(positions)
    yield from _each(lab, there)


def _parts(lab: Lab, frame: Frame) -> Iterator[Parts]:
    """The page's parts with a frame; none if it was on its way when the stroke was finished or taken back."""
    following = lab.following
    if following is None or frame.after != lab.canvas_told:
        return
    lab.frame = frame
    yield from _each(lab, following)


def _each(lab: Lab, following: Following) -> Iterator[Parts]:
    seen = lab.see(following.noise)
    for follower in following.followers:
        yield follower(seen)


async def _lines(answers: Iterator[Parts]) -> AsyncIterator[str]:
    """Each of the answers as soon as it is there, as a line of JSON."""
    while (parts := await anyio.to_thread.run_sync(_next, answers, limiter=_at_once)) is not None:
        yield json.dumps(parts) + "\n"


def _next(answers: Iterator[Parts]) -> Parts | None:
    compute_on_one_core()
    try:
        return next(answers, None)
    except Exception as error:
        # The page tells of what can be expected to fail, in its place, as soon as the stroke is finished.
        if explain(error) is None:
            raise
        return None
