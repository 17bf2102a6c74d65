"""A page's server on this machine alone, for who knows its token.

The standard library's server is enough for a page with a few addresses and a handful of windows.
Who opens the address that holds the token gets it as a cookie, without which nothing is answered.
Requests that another site has a browser make are refused: by the cookie's SameSite, by the names of
this machine that a request must be addressed to, and by the origin of what it sends.
"""

from __future__ import annotations

import http.cookies
import json
import secrets
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})  # of this machine; a tunnel changes the port
LARGEST = 1 << 16  # bytes of a request


class RefusedError(Exception):
    """A request that is answered with an error; the message is for who reads the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class PrivateServer(ThreadingHTTPServer):
    """Serves on 127.0.0.1, with a token of its own."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, handler: type[PrivateHandler], port: int = 0) -> None:
        """Bind a port, 0 for any that is free.

        Raises:
            OSError: the port is taken.
        """
        super().__init__(("127.0.0.1", port), handler)
        self.token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie, with the port, since cookies do not tell ports apart."""
        return f"rayal-{self.server_port}"


class PrivateHandler(BaseHTTPRequestHandler):
    """Answers who has the cookie. What is answered is of a class below: `get`, and `post`.

    command: which printed the address; faults: what answering may raise that `refusal` puts into
    words.
    """

    server: PrivateServer
    command: str
    faults: tuple[type[Exception], ...] = (RefusedError, ValueError, OSError)
    protocol_version = "HTTP/1.1"
    server_version = "rayal"
    sys_version = ""
    timeout = 60

    def get(self, path: str) -> None:
        """Answer a request for a path, or raise RefusedError."""
        raise self.nothing_at(path)

    def post(self, path: str, content: bytes) -> None:
        """Answer what was sent to a path, or raise RefusedError."""
        del content
        raise self.nothing_at(path)

    def policy(self) -> str:
        """Return what the page may do, as a Content-Security-Policy."""
        return "default-src 'none'"

    def refusal(self, error: Exception) -> RefusedError:
        """Say what a fault in answering is to who reads the page."""
        if isinstance(error, RefusedError):
            return error
        return RefusedError(HTTPStatus.BAD_REQUEST, str(error))

    @staticmethod
    def nothing_at(path: str) -> RefusedError:
        """Say that a path has nothing."""
        return RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {path}.")

    def do_GET(self) -> None:
        self._answered(self._get)

    def do_POST(self) -> None:
        self._answered(self._post)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the token stands in an address."""

    def _answered(self, answer: Callable[[], None]) -> None:
        try:
            self._check_host()
            answer()
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except self.faults as error:
            refused = self.refusal(error)
            content = json.dumps({"error": str(refused)}).encode()
            self.send(refused.status, content, "application/json")

    def _get(self) -> None:
        url = urlsplit(self.path)
        token = parse_qs(url.query).get("token", [""])[0]
        if url.path == "/" and token:
            self._welcome(token)
            return
        self._check_cookie()
        self.get(url.path)

    def _post(self) -> None:
        content = self._content()
        self._check_cookie()
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Another site sent this.")
        self.post(self.path, content)

    def _welcome(self, token: str) -> None:
        """Give the token as a cookie and lead on to an address without it."""
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise RefusedError(HTTPStatus.FORBIDDEN, "This is the address of an earlier start.")
        crumb: http.cookies.SimpleCookie = http.cookies.SimpleCookie()
        crumb[self.server.cookie] = self.server.token
        for name, value in (("path", "/"), ("httponly", "yes"), ("samesite", "Strict")):
            crumb[self.server.cookie][name] = value
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", crumb[self.server.cookie].OutputString())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _check_host(self) -> None:
        host = self.headers.get("Host", "")
        if host.rpartition(":")[0] not in NAMES and host not in NAMES:
            raise RefusedError(HTTPStatus.FORBIDDEN, "This server answers on 127.0.0.1 alone.")

    def _check_cookie(self) -> None:
        try:
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            cookies = http.cookies.SimpleCookie()
        token = cookies[self.server.cookie].value if self.server.cookie in cookies else ""
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise RefusedError(
                HTTPStatus.FORBIDDEN,
                f"Open the address that `{self.command}` printed, with its token.",
            )

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"A request has up to {LARGEST} bytes.")
        return self.rfile.read(int(length))

    def send(
        self, status: HTTPStatus, content: bytes, media_type: str, cached: str = "no-store"
    ) -> None:
        """Send an answer with the headers that keep it on this machine and to itself."""
        self.send_response(status)
        for name, value in (
            ("Content-Type", media_type),
            ("Content-Length", str(len(content))),
            ("Cache-Control", cached),
            ("Content-Security-Policy", self.policy()),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
