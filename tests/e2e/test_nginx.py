"""docs/nginx.conf in front of two replicas, on this machine's loopback. Needs nginx, openssl and Chromium.

The file is used as it is, but for ports, paths and the host name.
"""

import base64
import http.client
import os
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ae_core.checkpoints.library import ladder_paths
from tests.e2e.conftest import (
    PATIENCE_MS,
    ROOT,
    SEVEN,
    THREE,
    all_changed,
    complaints,
    draw,
    opened,
    panel,
    server_process,
    settled,
)

HOST = "lab.localhost"
"""Leads to this machine in every browser; unlike plain localhost, Streamlit does not trust it unasked."""
USER, PASSWORD = "class", "correct horse"
PASS = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
STREAM = "/_stcore/stream"
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
"""Streamlit asks the internet for its own address when a foreign Origin comes to it; here it gets nowhere."""


@dataclass
class Lab:
    """nginx and its two replicas."""

    port: int
    plain_port: int
    replicas: dict[str, subprocess.Popen]
    """The processes, by their ports."""
    folder: Path
    stack: ExitStack
    """Ends what is started later."""

    @property
    def address(self):
        return f"https://{HOST}:{self.port}"

    @property
    def tls(self):
        return ssl.create_default_context(cafile=self.folder / "lab.crt")

    def ask(self, path, headers=PASS, method="GET"):
        """One request of its own; the answer, read to its end, and its body."""
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=60)
        try:
            connection.request(method, path, headers={"Host": f"{HOST}:{self.port}", **headers})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def replica_of_a_visitor(self, cookie=None):
        """The replica that nginx gives to whoever comes with this cookie; None if it leaves it as it is."""
        answer, _ = self.ask("/", {**PASS, "Cookie": f"lab_replica={cookie}"} if cookie else PASS)
        assert answer.status == 200
        given = re.search(r"lab_replica=(\d+); Path=/; HttpOnly; Secure; SameSite=Lax", str(answer.headers))
        return given and given[1]

    def health(self, replica):
        return self.ask(f"/health/{replica}", {})[0].status

    def handshake(self, origin, headers=PASS, replica=None, host=None):
        """The status with which nginx, or a replica itself, answers an attempt to open the websocket."""
        address = f"{'ws' if replica else 'wss'}://{host or f'{HOST}:{self.port}'}{STREAM}"
        options = {"subprotocols": ["streamlit"], "proxy": None} | ({} if replica else {"ssl": self.tls})
        sock = socket.create_connection(("127.0.0.1", int(replica or self.port)))
        try:
            with connect(address, sock=sock, origin=origin, additional_headers=headers, **options):
                return 101
        except InvalidStatus as refusal:
            return refusal.response.status_code

    def answer_to_a_body_of(self, length, path):
        """The status for whoever asks, before sending anything, whether a body of that length may come."""
        head = (
            "Expect: 100-continue",
            f"Content-Length: {length}",
            f"Authorization: {PASS['Authorization']}",
        )
        request = "\r\n".join((f"PUT {path} HTTP/1.1", f"Host: {HOST}:{self.port}", *head, "", ""))
        with (
            socket.create_connection(("127.0.0.1", self.port)) as plain,
            self.tls.wrap_socket(plain, server_hostname=HOST) as sock,
        ):
            sock.sendall(request.encode())
            return int(sock.recv(1000).split()[1])

    def served(self):
        """Request, status and replica of all that was served so far, as nginx's log has it."""
        return re.findall(r'"([^"]*)" (\d+) replica=(\d+)', (self.folder / "access.log").read_text())


def _program(name):
    # Debian keeps nginx where only root looks.
    program = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        reason = f"There is no {name} on this machine, which the tests of docs/nginx.conf need."
        if os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return program


def _free_ports(count):
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _configuration(folder, port, plain_port, replicas):
    """docs/nginx.conf for this machine; every replacement must find its string."""
    text = (ROOT / "docs" / "nginx.conf").read_text()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind}; " for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    replacements = {
        "https://lab.example.org": f"https://{HOST}:{port}",
        "server_name lab.example.org": f"server_name {HOST}",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "8501": replicas[0],
        "8502": replicas[1],
        "/etc/nginx/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
        "/run/": f"{folder}/",
        "\nhttp {\n": f"\nhttp {{\n{temporary}\n",
    }
    for old in replacements:
        assert old in text, f"docs/nginx.conf has no {old!r} any more"
    # All at once: a free port may have another's digits.
    pattern = re.compile("|".join(map(re.escape, replacements)))
    rest = pattern.sub("", re.sub(r"#.*", "", text))
    assert not re.search(r"lab\.example|/etc/|/var/|/run/|listen", rest), rest
    return pattern.sub(lambda found: replacements[found[0]], text)


def _openssl(*arguments):
    return subprocess.run(
        [_program("openssl"), *arguments], check=True, capture_output=True, text=True
    ).stdout


@contextmanager
def _nginx(folder, port):
    # As root nginx would become www-data only in part; this way it is the same for whoever runs the test.
    user = "www-data" if os.geteuid() == 0 else None
    if user is not None:
        for path in (folder, *folder.iterdir()):
            shutil.chown(path, user, user)
    command = [_program("nginx"), "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"]
    with (folder / "start.txt").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, user=user, group=user)
        try:
            _until(lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "start.txt").read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


@contextmanager
def _replica(folder, port):
    """A replica, started as the README has it."""
    log = folder / f"replica-{port}-{time.time_ns()}.txt"
    options = ("--server.allowedHosts", HOST)
    # Streamlit's question for its own address would count as an attempt to leave this machine.
    with server_process(log, *options, port=int(port), PYTHONPATH="", **NO_NETWORK) as (_, process):
        yield process
    assert not complaints(log.read_text()), log.read_text()


@pytest.fixture(scope="module")
def lab():
    for name in ("nginx", "openssl"):
        _program(name)
    port, plain_port, *ports = _free_ports(4)
    replicas = [str(one) for one in ports]
    # Not in pytest's folder, which nobody else may enter.
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack, ThreadPoolExecutor() as pool:
        folder = Path(name)
        certificate = ("-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST},IP:127.0.0.1")
        files = ("-keyout", folder / "lab.key", "-out", folder / "lab.crt")
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *certificate, *files)
        (folder / "lab.htpasswd").write_text(f"{USER}:{_openssl('passwd', '-6', PASSWORD)}")
        (folder / "nginx.conf").write_text(_configuration(folder, port, plain_port, replicas))
        starting = [pool.submit(stack.enter_context, _replica(folder, one)) for one in replicas]
        processes = [one.result() for one in starting]
        stack.enter_context(_nginx(folder, port))
        yield Lab(port, plain_port, dict(zip(replicas, processes, strict=True)), folder, stack)


@pytest.fixture
def visitor(browser, lab):
    """Makes browsers of new visitors, who know the password."""
    expect.set_options(timeout=PATIENCE_MS)
    contexts = []

    def come():
        context = browser.new_context(
            viewport={"width": 1440, "height": 1000},
            ignore_https_errors=True,
            http_credentials={"username": USER, "password": PASSWORD},
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        return context

    yield come
    for context in contexts:
        context.close()


def replica_of(context):
    (cookie,) = (one for one in context.cookies() if one["name"] == "lab_replica")
    assert cookie["httpOnly"] and cookie["secure"] and cookie["sameSite"] == "Lax"
    return cookie["value"]


def draw_and_settle(page, points):
    draw(page, points)
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    return settled(page)


def upload(page):
    """Show a model from a file, which goes to the replica in a request of its own."""
    page.get_by_text("File", exact=True).click()
    page.locator(".st-key-upload input[type=file]").set_input_files(ladder_paths("contractive")[1e-2])
    expect(page.get_by_text("contractive-0.01 (uploaded)").first).to_be_visible()


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
        _until(lambda line=line: lab.served().count(line) == 8)


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
    asked, sockets = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("page", lambda page: page.on("websocket", lambda opened: sockets.append(opened.url)))
    before = len(lab.served())
    page = opened(context, lab.address)
    drawn = draw_and_settle(page, THREE)
    assert "MSE of this digit" in drawn[0]
    upload(page)
    page.locator(".st-key-train button").click()
    bar = page.locator("[data-testid='stProgress']")
    expect(bar).to_contain_text("left")
    page.wait_for_function(
        """() => Number(document.querySelector("[data-testid='stProgress'] [role='progressbar']")
            .getAttribute('aria-valuenow')) > 0"""
    )
    page.locator(".st-key-stop button").click()
    expect(bar).to_contain_text(re.compile("Measuring|Stopped"))

    hosts = {urllib.parse.urlsplit(url).netloc for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {f"{HOST}:{lab.port}"}
    assert sockets == [f"wss://{HOST}:{lab.port}{STREAM}"]
    assert all(cookie["secure"] for cookie in context.cookies())
    replica = replica_of(context)
    context.close()
    # nginx writes the websocket's line when it closes.
    _until(lambda: (f"GET {STREAM} HTTP/1.1", "101", replica) in lab.served()[before:])
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
    _until(lambda: replica_of(context) == alive)
    page.locator("[data-test-connection-state='CONNECTED']").wait_for()
    page.locator(".st-key-weight_contractive input[type=range]").first.press("ArrowLeft")
    moved = all_changed(page, before)
    expect(panel(page, "Jacobian")).to_contain_text("exact")
    draw(page, SEVEN)
    all_changed(page, moved)

    lab.replicas[dead] = lab.stack.enter_context(_replica(lab.folder, dead))
    assert lab.health(dead) == 200
    _until(lambda: dead in {lab.replica_of_a_visitor() for _ in range(4)})
    upload(page)
    assert replica_of(context) == alive, "its session is still there"
