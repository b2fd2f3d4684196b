"""Answers to the pen: what is taken for a frame, and what comes back. Needs torch and Streamlit."""

import asyncio
import gc
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.requests import Request

from ae_core.drawing import to_mnist
from ae_core.errors import DataError
from ae_core.ui import frames, page, server, state
from ae_core.ui.canvas_states import Stroke
from ae_core.ui.following import Following
from ae_core.ui.frames import read_frame
from ae_core.ui.state import Lab

SIDE = 140


def canvas_with_ink():
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    canvas[20:120, 60:80] = 255
    return canvas


@pytest.mark.parametrize("enlarged", [1, 2])
def test_a_frame_is_what_the_model_would_see_of_the_canvas(enlarged):
    canvas = canvas_with_ink().repeat(enlarged, axis=0).repeat(enlarged, axis=1)
    frame = read_frame("2", canvas.tobytes())
    assert frame.after == 2
    assert torch.equal(frame.picture, to_mnist(canvas))
    assert read_frame("2", bytes(SIDE**2)).picture is None, "a blank canvas"


@pytest.mark.parametrize(
    ("after", "pixels"),
    [
        ("", bytes(SIDE**2)),
        ("-1", bytes(SIDE**2)),
        ("1.5", bytes(SIDE**2)),
        ("two", bytes(SIDE**2)),
        ("\u00b2", bytes(SIDE**2)),
        ("1", b""),
        ("1", bytes(SIDE**2 - 1)),
        ("1", bytes(SIDE**2 + 1)),
        ("1", bytes(200**2)),
        ("1", bytes((2 * SIDE) ** 2 + 1)),
    ],
)
def test_anything_else_is_no_frame(after, pixels):
    assert read_frame(after, pixels) is None


@pytest.fixture
def lab(monkeypatch):
    """A lab whose page is open, and is followed by two parts that tell what they are of."""
    lab = Lab()
    monkeypatch.setitem(state._open, lab.token, lab)

    def ink(seen):
        return {".ink": "none" if seen is None else f"{float(seen.clean.sum()):.3f}"}

    lab.following = Following(0.0, (ink, lambda _: {".second": "<b>2</b>"}))
    return lab


def run(work):
    """In a thread of its own: in this one a browser's driver may have left an event loop."""
    with ThreadPoolExecutor() as pool:
        return pool.submit(asyncio.run, work).result()


class Answer(NamedTuple):
    status: int
    chunks: list[str]


def ask(lab, body, token=None, after="0", moved=None, let_go="0"):
    """A request to the server's own addresses, as a server puts it to them."""
    about = {"X-After": after} if moved is None else {"X-Moved": moved, "X-Let-Go": let_go}
    headers = {"X-Lab-Token": token or lab.token, **about}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/frame",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    come, sent = [{"type": "http.request", "body": body}], []

    async def receive():
        # Nobody leaves before the answer.
        return come.pop() if come else await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    run(Starlette(routes=server.routes())(scope, receive, send))
    head, *rest = sent
    return Answer(head["status"], [each["body"].decode() for each in rest if each["body"]])


def test_each_part_comes_as_soon_as_it_is_there(lab):
    canvas = canvas_with_ink()
    answer = ask(lab, canvas.tobytes())
    assert answer.status == 200
    first, second = map(json.loads, answer.chunks)
    assert first == {".ink": f"{float(to_mnist(canvas).sum()):.3f}"}
    assert second == {".second": "<b>2</b>"}
    assert torch.equal(lab.frame.picture, to_mnist(canvas)), "whatever else redraws shows the stroke, too"


def test_a_blank_canvas_has_parts_too(lab):
    assert json.loads(ask(lab, bytes(SIDE**2)).chunks[0]) == {".ink": "none"}


def test_noise_is_on_what_the_models_see(lab):
    lab.following = Following(0.4, (lambda seen: {".x": str(torch.equal(seen.x, seen.clean))},))
    assert json.loads(*ask(lab, canvas_with_ink().tobytes()).chunks) == {".x": "False"}


def test_of_a_stroke_that_is_finished_no_frame_is_shown(lab):
    lab.canvas_told = 1
    assert ask(lab, canvas_with_ink().tobytes()).chunks == []
    assert lab.frame is None


@pytest.mark.parametrize("body", [b"", b"junk", bytes(SIDE**2 + 1), bytes(50 * SIDE**2)])
def test_junk_is_refused_and_changes_nothing(lab, body):
    assert ask(lab, body).status == 400
    assert lab.frame is None


def test_who_does_not_know_the_token_gets_nothing(lab):
    assert ask(lab, canvas_with_ink().tobytes(), token="guessed").status == 404
    assert lab.frame is None


@pytest.fixture
def sliding(lab):
    """A lab with a drawing, whose parts tell where the slider of A stands and how much noise there is."""
    lab.strokes.append(Stroke(b"", b"", "", to_mnist(canvas_with_ink())))

    def following(place, noise):
        return Following(
            noise,
            (lambda seen: {".at": f"{place}, noisy: {not torch.equal(seen.x, seen.clean)}"},),
            lambda positions: following(positions["A"], positions["noise"]) if positions["A"] < 7 else None,
        )

    lab.following = following(3, 0.0)
    return lab


def test_a_slider_that_is_held_has_the_parts_of_where_it_stands(sliding):
    answer = ask(sliding, b"", moved='{"A": 5, "noise": 0.25}')
    assert json.loads(*answer.chunks) == {".at": "5, noisy: True"}
    assert sliding.moved == {"A": 5, "noise": 0.25}, "whatever else redraws shows it so, too"
    assert sliding.runs_scripts


def test_a_slider_that_was_let_go_meanwhile_is_not_held_any_more(sliding):
    sliding.let_go = 1
    assert ask(sliding, b"", moved='{"A": 5, "noise": 0}').chunks, "its answer may be the newest all the same"
    assert sliding.moved == {}


def test_a_stop_that_is_not_there_has_no_parts(sliding):
    answer = ask(sliding, b"", moved='{"A": 7, "noise": 0}')
    assert (answer.status, answer.chunks, sliding.moved) == (200, [], {})


@pytest.mark.parametrize(
    ("moved", "body", "let_go"),
    [
        ("", b"", "0"),
        ("[1]", b"", "0"),
        ("7", b"", "0"),
        ('{"A": "5"}', b"", "0"),
        ('{"A": true}', b"", "0"),
        ('{"A": NaN, "noise": 0}', b"", "0"),
        ('{"A": 5, "noise": 1e999}', b"", "0"),
        ('{"A": 5, "noise": 0}', bytes(SIDE**2), "0"),
        ('{"A": 5, "noise": 0}', b"", "-1"),
        ('{"A": 5, "noise": 0}', b"", ""),
    ],
)
def test_junk_about_sliders_is_refused_and_changes_nothing(sliding, moved, body, let_go):
    assert ask(sliding, body, moved=moved, let_go=let_go).status == 400
    assert sliding.moved == {}


def test_a_long_body_is_not_read_to_its_end():
    taken = []

    class Request:
        async def stream(self):
            for _ in range(100):
                taken.append(1)
                yield bytes(SIDE**2)

    body = run(frames._body_of(Request(), SIDE**2))
    assert len(body) > SIDE**2
    assert len(taken) == 2


def test_the_address_lies_below_the_page_s_own(monkeypatch):
    monkeypatch.setattr(server.st, "get_option", {"server.baseUrlPath": "/class/lab/"}.get)
    (route,) = server.routes()
    assert route.path == "/class/lab/frame"


def test_what_the_server_writes_is_sent_at_once(monkeypatch):
    """The socket is made as Streamlit makes it: without naming TCP."""
    monkeypatch.setattr(server, "load_pages", lambda: None)

    async def serve():
        loop = asyncio.get_running_loop()
        accepted = loop.create_future()
        with socket.socket(socket.AF_INET) as listening:
            listening.bind(("127.0.0.1", 0))
            async with server.lifespan(None):
                served = await loop.create_server(lambda: _Accepting(accepted), sock=listening, backlog=1)
            async with served:
                _, writer = await asyncio.open_connection(*listening.getsockname())
                taken = (await accepted).get_extra_info("socket")
                delay_off = taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                writer.close()
        return delay_off

    assert run(serve())


@pytest.mark.parametrize("fails", [False, True])
def test_what_pages_need_is_loaded_ahead_and_what_fails_there_is_left_to_the_first_page(monkeypatch, fails):
    steps = []

    def get_ready():
        steps.append(gc.isenabled())
        if fails:
            raise OSError("no space left on device")

    monkeypatch.setattr(page, "get_ready", get_ready)
    server.load_pages()
    assert steps == [False]
    assert gc.isenabled()


class _Accepting(asyncio.Protocol):
    def __init__(self, accepted):
        self._accepted = accepted

    def connection_made(self, transport):
        self._accepted.set_result(transport)


def test_what_can_be_expected_to_fail_ends_the_answer_and_a_bug_is_not_hidden(lab):
    def fail(error):
        def part(seen):
            raise error

        return part

    lab.following = Following(0.0, (lambda _: {".a": "1"}, fail(DataError("The images are gone.")), _never))
    assert ask(lab, canvas_with_ink().tobytes()).chunks == ['{".a": "1"}\n']
    lab.following = Following(0.0, (fail(KeyError("a bug")),))
    with pytest.raises(KeyError):
        ask(lab, canvas_with_ink().tobytes())


def _never(seen):
    raise AssertionError("what comes after a failure is not asked for")


def test_whoever_leaves_before_all_is_sent_is_let_go(lab):
    async def receive():
        return {"type": "http.disconnect"}

    request = Request(
        {"type": "http", "method": "POST", "headers": [(b"x-lab-token", lab.token.encode())]}, receive
    )
    assert run(frames.answer(request)).status_code == 400
    assert lab.frame is None
