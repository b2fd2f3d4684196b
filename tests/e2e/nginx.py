"""docs/nginx.conf in front of two replicas, on this machine's loopback. Needs nginx and openssl.

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
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.conftest import ROOT, complaints, do_without, server_process

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
        do_without(f"There is no {name} on this machine, which the tests of docs/nginx.conf need.")
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
            until(lambda: _listens(port) or process.poll() is not None)
            assert process.poll() is None, (folder / "start.txt").read_text()
            yield
        finally:
            process.terminate()
            process.wait(30)


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def until(holds):
    for _ in range(600):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it never came to that")


@contextmanager
def replica_process(folder, port):
    """A replica, started as the README has it."""
    log = folder / f"replica-{port}-{time.time_ns()}.txt"
    options = ("--server.allowedHosts", HOST)
    # Streamlit's question for its own address would count as an attempt to leave this machine.
    with server_process(log, *options, port=int(port), PYTHONPATH="", **NO_NETWORK) as (_, process):
        yield process
    assert not complaints(log.read_text()), log.read_text()


@contextmanager
def lab_behind_nginx():
    """Both replicas and nginx before them, until the end of the block."""
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
        starting = [pool.submit(stack.enter_context, replica_process(folder, one)) for one in replicas]
        processes = [one.result() for one in starting]
        stack.enter_context(_nginx(folder, port))
        yield Lab(port, plain_port, dict(zip(replicas, processes, strict=True)), folder, stack)
