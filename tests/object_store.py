"""A real S3-compatible server on 127.0.0.1 in a process of its own, and a proxy that fails."""

import contextlib
import http.client
import importlib.util
import os
import random
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

BUCKET = "results"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def is_up(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/moto-api/", timeout=5):
        return True
    return False


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Start moto's server with one bucket; give its URL."""
    if not (importlib.util.find_spec("moto") and importlib.util.find_spec("flask")):
        pytest.skip("moto's server is not installed: pip install 'moto[server]'")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        until = time.monotonic() + 60
        while not is_up(url):
            assert process.poll() is None, "moto's server did not start"
            assert time.monotonic() < until, "moto's server did not answer"
            time.sleep(0.1)
        made = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")
        urllib.request.urlopen(made, timeout=30).close()
        yield url
    finally:
        process.kill()
        process.wait()


DENIED = (
    b'<?xml version="1.0" encoding="UTF-8"?>'
    b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
)


class Proxy(ThreadingHTTPServer):
    """Passes requests on to a server, but fails some: an answer 503, or none at all."""

    daemon_threads = True

    def __init__(self, url: str, *, fails: float = 0.0, denies: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = url.removeprefix("http://")
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.fails, self.denies = fails, denies
        self.requests: list[str] = []
        self.failed = 0
        self._random, self._lock = random.Random(0), threading.Lock()

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, address: object) -> None:
        """A client that went away is nothing to tell of."""

    def fate(self, what: str) -> str:
        with self._lock:
            self.requests.append(what)
            if self.denies:
                return "deny"
            if self._random.random() >= self.fails:
                return "pass"
            self.failed += 1
            return self._random.choice(("refuse", "hang up"))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        content = self._content()
        fate = self.server.fate(f"{self.command} {self.path}")
        if fate == "hang up":
            self.close_connection = True
        elif fate == "refuse":
            self._answer(503, {}, b"")
        elif fate == "deny":
            self._answer(403, {"Content-Type": "application/xml"}, DENIED)
        else:
            self._pass_on(content)

    do_PUT = do_POST = do_DELETE = do_HEAD = do_GET  # noqa: N815 - names of the base class

    def _content(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _pass_on(self, content: bytes) -> None:
        framing = ("expect", "transfer-encoding", "content-length", "connection")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in framing}
        connection = http.client.HTTPConnection(self.server.target, timeout=60)
        connection.request(self.command, self.path, content, headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        self._answer(answer.status, dict(answer.getheaders()), body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        length = {k.lower(): v for k, v in headers.items()}.get("content-length")
        size = length if self.command == "HEAD" and length else str(len(body))
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *about: object) -> None:
        """Be quiet."""


def credentials(url: str) -> dict[str, str]:
    """What a user has in the environment; the server takes any key."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIANOTREAL",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


SECRET = "not-a-real-secret-0123456789"


def environment_of(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in credentials(url).items():
        monkeypatch.setenv(name, value)
