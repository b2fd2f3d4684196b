"""What docs/nginx.conf lets through, and where to. Needs nginx, openssl and Chromium."""

import base64
import http.client
import re
import urllib.parse

import pytest
from playwright.sync_api import expect

from ae_core.checkpoints.library import ladder_paths
from tests.e2e.acts import (
    SEVEN,
    THREE,
    all_changed,
    draw_and_settle,
    open_menu,
    open_view,
    opened,
    panel,
    press,
    settled,
    slider,
)
from tests.e2e.conftest import new_context
from tests.e2e.nginx import HOST, PASS, PASSWORD, STREAM, USER, lab_behind_nginx, replica_process, until


@pytest.fixture(scope="module")
def lab():
    with lab_behind_nginx() as lab:
        yield lab


@pytest.fixture
def visitor(browser, lab):
    """Makes browsers of new visitors, who know the password."""
    contexts = []

    def come():
        password = {"username": USER, "password": PASSWORD}
        contexts.append(new_context(browser, ignore_https_errors=True, http_credentials=password))
        return contexts[-1]

    yield come
    for context in contexts:
        context.close()


def replica_of(context):
    (cookie,) = (one for one in context.cookies() if one["name"] == "lab_replica")
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax"
    return cookie["value"]


def upload(page):
    """Show a model from a file, which goes to the replica in a request of its own."""
    open_menu(page)
    page.locator(".st-key-upload input[type=file]").set_input_files(ladder_paths("contractive")[1e-2])
    expect(panel(page, "values")).to_contain_text("A: contractive-0.01 (uploaded)")
    page.keyboard.press("Escape")


def test_without_the_password_nothing_answers_but_health(lab):
    wrong = {"Authorization": "Basic " + base64.b64encode(f"{USER}:wrong".encode()).decode()}
    for path in ("/", "/static/", "/_stcore/health", "/_stcore/metrics", "/media/x", "/healthy", "/@another"):
        for headers in ({}, wrong):
            answer, _ = lab.ask(path, headers)
            assert answer.status == 401, path
            assert "Set-Cookie" not in answer.headers
    assert lab.handshake(lab.address, {}) == 401
    assert lab.ask("/")[0].status == 200


def test_http_leads_to_https_and_nowhere_else(lab):
    connection = http.client.HTTPConnection("127.0.0.1", lab.plain_port, timeout=60)
    connection.request("GET", "/?kind=sparse", headers={"Host": "elsewhere.example"})
    answer = connection.getresponse()
    connection.close()
    assert (answer.status, answer.headers["Location"]) == (301, f"{lab.address}/?kind=sparse")


def test_every_answer_carries_the_security_headers_once(lab):
    for path, headers, status in (("/", PASS, 200), ("/", {}, 401), ("/media/none", PASS, 404)):
        answer, _ = lab.ask(path, headers)
        assert answer.status == status
        for name, value in (
            ("Strict-Transport-Security", "max-age=31536000"),
            ("Content-Security-Policy", "frame-ancestors 'self'"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "same-origin"),
        ):
            assert answer.headers.get_all(name) == [value]


def test_health_tells_which_replica_answers_and_sets_no_cookie(lab):
    for replica in lab.replicas:
        answer, body = lab.ask(f"/health/{replica}", {})
        assert (answer.status, body, answer.headers["X-Replica"]) == (200, b"ok", replica)
        assert "Set-Cookie" not in answer.headers
    seen = {lab.ask("/health", {})[0].headers["X-Replica"] for _ in range(8)}
    assert seen == set(lab.replicas)
    # Only what the configuration lists is asked, whatever else listens on this machine.
    some_replica = {"Cookie": f"lab_replica={next(iter(lab.replicas))}"}
    for other in (lab.plain_port, "", "lab", "127.0.0.1:22", "8501/x"):
        assert lab.ask(f"/health/{other}", some_replica)[0].status == 404, other


def test_visitors_are_spread_over_the_replicas_and_each_stays(lab):
    assert {lab.replica_of_a_visitor() for _ in range(8)} == set(lab.replicas)
    for replica in lab.replicas:
        for _ in range(8):
            answer, _ = lab.ask(f"/?of={replica}", {**PASS, "Cookie": f"a=b; lab_replica={replica}; c=d"})
            assert "Set-Cookie" not in answer.headers
        # nginx writes a line a moment after the answer.
        line = (f"GET /?of={replica} HTTP/1.1", "200", replica)
        until(lambda line=line: lab.served().count(line) == 8)


def test_a_forged_cookie_leads_to_a_replica_and_is_replaced(lab):
    forged = (str(lab.plain_port), "127.0.0.1:22", "lab", "default", "x" * 4000, '"', "../", "%0d%0aA:b")
    for cookie in (*forged, next(iter(lab.replicas)) + "0"):
        assert lab.replica_of_a_visitor(cookie) in lab.replicas, cookie


def test_only_the_labs_own_page_opens_a_session(lab):
    assert lab.handshake(lab.address) == 101
    foreign = ("https://elsewhere.example", "null", f"https://{HOST}", f"{lab.address}.elsewhere.example")
    # Streamlit alone would let these two in: it does not look at the scheme, and it trusts every localhost.
    for origin in (*foreign, lab.address.replace("https", "http"), "http://localhost:3000"):
        assert lab.handshake(origin) == 403, origin
    # The replicas refuse foreign pages themselves, too, and whoever calls them by another name.
    for replica in lab.replicas:
        assert lab.handshake(lab.address, {}, replica) == 101
        for origin in foreign:
            assert lab.handshake(origin, {}, replica) == 403, origin
        assert lab.handshake("http://elsewhere.example", {}, replica, "elsewhere.example") == 403


def test_an_upload_needs_its_token_and_has_a_limit(lab):
    path = "/_stcore/upload_file/some-session/some-file"
    assert lab.ask(path, method="PUT")[0].status == 403
    assert lab.answer_to_a_body_of(20 * 2**20, path) == 100
    assert lab.answer_to_a_body_of(20 * 2**20 + 1, path) == 413


def test_a_visitor_draws_uploads_and_trains_on_one_replica(lab, visitor):
    context = visitor()
    asked, answered, sockets = [], {}, []
    context.on("request", lambda request: asked.append(request.url))
    context.on("response", lambda response: answered.setdefault(response.url, set()).add(response.status))
    context.on("page", lambda page: page.on("websocket", lambda opened: sockets.append(opened.url)))
    before = len(lab.served())
    page = opened(context, lab.address)
    drawn = draw_and_settle(page, THREE)
    assert "Hoyer" in drawn[4]
    assert answered[f"{lab.address}/frame"] == {200}, "the panels followed the pen"
    upload(page)
    open_view(page, "Train")
    press(page, "train")
    bar = page.locator("[data-testid='stProgress']")
    expect(bar).to_contain_text("left")
    page.wait_for_function(
        """() => Number(document.querySelector("[data-testid='stProgress'] [role='progressbar']")
            .getAttribute('aria-valuenow')) > 0"""
    )
    press(page, "stop")
    expect(bar).to_contain_text(re.compile("Measuring|Stopped"))

    hosts = {urllib.parse.urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {f"{HOST}:{lab.port}"}
    assert sockets == [f"wss://{HOST}:{lab.port}{STREAM}"]
    assert all(cookie["secure"] for cookie in context.cookies())
    replica = replica_of(context)
    context.close()
    # nginx writes the websocket's line when it closes.
    until(lambda: (f"GET {STREAM} HTTP/1.1", "101", replica) in lab.served()[before:])
    served = lab.served()[before:]
    assert {who for _, _, who in served} == {replica}
    assert any(request.startswith("PUT /_stcore/upload_file/") for request, _, _ in served)


def test_when_a_replica_dies_its_visitors_go_on_with_the_other_and_stay_there(lab, visitor):
    context = visitor()
    page = opened(context, lab.address)
    before = draw_and_settle(page, THREE)
    dead = replica_of(context)
    (alive,) = set(lab.replicas) - {dead}
    lab.replicas[dead].kill()
    lab.replicas[dead].wait()

    assert lab.health(dead) == 502
    assert lab.health(alive) == 200
    for _ in range(4):
        answer, _ = lab.ask("/health", {})
        assert (answer.status, answer.headers["X-Replica"]) == (200, alive)
        assert lab.replica_of_a_visitor() == alive
        assert lab.replica_of_a_visitor(dead) == alive
    assert lab.handshake(lab.address, {**PASS, "Cookie": f"lab_replica={dead}"}) == 101
    newcomer = visitor()
    draw_and_settle(opened(newcomer, lab.address), SEVEN)
    assert replica_of(newcomer) == alive

    # The page that was open has come back by itself, with its drawing, and can be drawn on.
    until(lambda: replica_of(context) == alive)
    expect(page.get_by_text("What this tab had here before")).to_be_visible()
    settled(page)
    slider(page).press("ArrowLeft")
    moved = all_changed(page, before)
    drawn = draw_and_settle(page, SEVEN)
    assert all(now != old for now, old in zip(drawn, moved, strict=True))

    lab.replicas[dead] = lab.stack.enter_context(replica_process(lab.folder, dead))
    assert lab.health(dead) == 200
    until(lambda: dead in {lab.replica_of_a_visitor() for _ in range(4)})
    upload(page)
    assert replica_of(context) == alive, "its session is still there"
