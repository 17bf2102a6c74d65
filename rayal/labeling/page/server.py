"""The labeling page's server: on this machine alone, and for who knows its token.

The standard library's server is enough for a page with five addresses and a handful of windows.
Who opens the address that holds the token gets it as a cookie, without which nothing is answered.
Requests that another site has a browser make are refused: by the cookie's SameSite, by the names of
this machine that a request must be addressed to, and by the origin of what it sends.
"""

from __future__ import annotations

import base64
import hashlib
import http.cookies
import json
import secrets
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from rayal.labeling import pictures
from rayal.labeling.errors import LabelingError
from rayal.labeling.page.desk import ChangedMeanwhileError, Desk, read_answer
from rayal.labeling.project import Project
from rayal.labeling.selection import why_lost

HERE = Path(__file__).parent
NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})  # of this machine; a tunnel changes the port
LARGEST = 1 << 16  # bytes of a request
SIDES = {"small": 96, "large": 1600}  # pixels of an image


class RefusedError(Exception):
    """A request that is answered with an error; the message is for who reads the page."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class LabelServer(ThreadingHTTPServer):
    """Serves one desk on 127.0.0.1."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, project: Project, desk: Desk, port: int = 0) -> None:
        """Bind a port, 0 for any that is free.

        Raises:
            OSError: the port is taken.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.project, self.desk = project, desk
        self.token = secrets.token_urlsafe(24)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/?token={self.token}"

    @property
    def cookie(self) -> str:
        """Name of the cookie: cookies do not tell ports apart."""
        return f"rayal-{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: LabelServer
    protocol_version = "HTTP/1.1"
    server_version = "rayal"
    sys_version = ""
    timeout = 60

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
        except RefusedError as error:
            self._send_error(error.status, str(error))
        except ChangedMeanwhileError as error:
            self._send_error(HTTPStatus.CONFLICT, str(error))
        except ValueError as error:
            self._send_error(HTTPStatus.BAD_REQUEST, str(error))
        except (ConnectionError, TimeoutError):
            self.close_connection = True
        except OSError as error:
            self._send_error(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"The answer could not be written and is not kept: {error.strerror or error}",
            )

    def _get(self) -> None:
        url = urlsplit(self.path)
        given = parse_qs(url.query).get("token", [""])[0]
        if url.path == "/" and given:
            return self._welcome(given)
        self._check_cookie()
        if url.path == "/":
            self._send(HTTPStatus.OK, page().encode(), "text/html; charset=utf-8")
        elif url.path.startswith("/image/"):
            self._send_image(*url.path.removeprefix("/image/").partition("/")[::2])
        else:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {url.path}.")
        return None

    def _post(self) -> None:
        content = self._content()
        self._check_cookie()
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "Another site sent this.")
        fields = json.loads(content)
        if not isinstance(fields, dict) or not isinstance(fields.get("window"), str):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "A request is an object that names its window."
            )
        answer = self._actions.get(self.path)
        if answer is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is nothing at {self.path}.")
        self._send(HTTPStatus.OK, json.dumps(answer(fields)).encode(), "application/json")

    @property
    def _actions(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        desk = self.server.desk
        return {
            "/next": lambda f: desk.next(f["window"]),
            "/show": lambda f: desk.show(f["window"], str(f.get("id"))),
            "/answer": lambda f: desk.answer(f["window"], read_answer(f), f.get("seen")),
            "/undo": lambda f: desk.undo(f["window"]),
        }

    def _welcome(self, given: str) -> None:
        """Give the token as a cookie and lead on to an address without it."""
        if not secrets.compare_digest(given.encode(), self.server.token.encode()):
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

    def _send_image(self, rayal_id: str, size: str) -> None:
        if size not in SIDES:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"There is no size {size!r} of an image.")
        project = self.server.project
        try:
            content = project.thumbnail(rayal_id, SIDES[size])
            lost = why_lost(project, project.pool.position[rayal_id])
            if lost:
                raise ValueError(f"its file {lost}.")
        except LabelingError as error:
            raise RefusedError(HTTPStatus.NOT_FOUND, str(error)) from error
        except (ValueError, OSError) as error:
            raise RefusedError(HTTPStatus.GONE, f"The image cannot be shown: {error}") from error
        self._send(HTTPStatus.OK, content, pictures.media_type(content), "private, max-age=600")

    def _check_host(self) -> None:
        host = self.headers.get("Host", "")
        if host.rpartition(":")[0] not in NAMES and host not in NAMES:
            raise RefusedError(HTTPStatus.FORBIDDEN, "This server answers on 127.0.0.1 alone.")

    def _check_cookie(self) -> None:
        try:
            cookies = http.cookies.SimpleCookie(self.headers.get("Cookie", ""))
        except http.cookies.CookieError:
            cookies = http.cookies.SimpleCookie()
        given = cookies[self.server.cookie].value if self.server.cookie in cookies else ""
        if not secrets.compare_digest(given.encode(), self.server.token.encode()):
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "Open the address that `rayal label` printed, with its token."
            )

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            raise RefusedError(HTTPStatus.BAD_REQUEST, f"A request has up to {LARGEST} bytes.")
        return self.rfile.read(int(length))

    def _send_error(self, status: HTTPStatus, message: str) -> None:
        self._send(status, json.dumps({"error": message}).encode(), "application/json")

    def _send(
        self, status: HTTPStatus, content: bytes, media_type: str, cached: str = "no-store"
    ) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", media_type),
            ("Content-Length", str(len(content))),
            ("Cache-Control", cached),
            ("Content-Security-Policy", policy()),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@cache
def page() -> str:
    """Return the page with its style and script inside."""
    html, style, script = map(_source, ("label.html", "label.css", "label.js"))
    return html.replace("/* style */", style).replace("/* script */", script)


@cache
def policy() -> str:
    """Return what the page may do: nothing but its own script and style, and asking this server."""
    return (
        f"default-src 'none'; script-src {_hash('label.js')}; style-src {_hash('label.css')}; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


def _hash(name: str) -> str:
    digest = hashlib.sha256(_source(name).encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _source(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
