"""Real object stores on 127.0.0.1 in processes of their own, and a proxy that fails.

S3 by moto's server, Google Cloud Storage by gcp-storage-emulator. `make test` installs both beside
the environment (tests/servers.txt); RAYAL_TEST_SERVERS names another folder with the programs.
"""

import contextlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rayal.storage import object_cache

BUCKET = "results"
SECRET = "not-a-real-secret-0123456789"
SCHEMES = ("s3", "gs")


@dataclass(frozen=True)
class Server:
    """An object store of one kind at a URL."""

    scheme: str
    url: str

    @property
    def settings(self) -> dict[str, str]:
        """What a user has in the environment; the servers take any key."""
        if self.scheme == "gs":
            return {"STORAGE_EMULATOR_HOST": self.url}
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "AKIANOTREAL",
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def at(self, url: str) -> "Server":
        """The same store, reached by another URL."""
        return Server(self.scheme, url)

    def name_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Set the environment as a user does who has this store and no other."""
        for name in [name for name in os.environ if name.startswith(("AWS_", "STORAGE_"))]:
            monkeypatch.delenv(name)
        for name, value in self.settings.items():
            monkeypatch.setenv(name, value)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


def program(name: str) -> str:
    """Find a server's program, or skip the test; where a folder was named it must be there."""
    named = os.environ.get("RAYAL_TEST_SERVERS")
    beside = [str(Path(sys.prefix) / "servers" / "bin"), str(Path(sys.prefix) / "bin")]
    places = [named] if named else [*beside, os.environ.get("PATH", "")]
    found = shutil.which(name, path=os.pathsep.join(places))
    if found:
        return found
    if named:
        pytest.fail(f"{name} is not in {named}, which RAYAL_TEST_SERVERS names")
    pytest.skip(f"{name} is not installed: make test does it, by tests/servers.txt")


def command(scheme: str, port: int) -> list[str]:
    if scheme == "gs":
        emulator = [program("gcp-storage-emulator"), "start", "--host=127.0.0.1"]
        return [*emulator, f"--port={port}", "--in-memory"]
    return [program("moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def make_bucket(server: Server) -> bool:
    """Make the bucket; False where the server does not answer yet."""
    if server.scheme == "gs":
        request = urllib.request.Request(
            f"{server.url}/storage/v1/b?project=rayal", json.dumps({"name": BUCKET}).encode(),
            headers={"Content-Type": "application/json"}, method="POST",
        )  # fmt: skip
    else:
        request = urllib.request.Request(f"{server.url}/{BUCKET}", method="PUT")
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=30):
        return True
    return False


@contextlib.contextmanager
def server(scheme: str) -> Iterator[Server]:
    """Start an object store with one bucket."""
    port = free_port()
    started = Server(scheme, f"http://127.0.0.1:{port}")
    process = subprocess.Popen(
        command(scheme, port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 120
        while not make_bucket(started):
            assert process.poll() is None, f"the server for {scheme}:// did not start"
            assert time.monotonic() < until, f"the server for {scheme}:// did not answer"
            time.sleep(0.1)
        yield started
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

    def __init__(self, server: Server, *, fails: float = 0.0, denies: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.target = server.url.removeprefix("http://")
        self.reached = server.at(f"http://127.0.0.1:{self.server_address[1]}")
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


@contextlib.contextmanager
def through(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with proxy:
        proxy.reached.name_in(monkeypatch)
        object_cache.of_bucket.cache_clear()
        yield proxy
        object_cache.of_bucket.cache_clear()
