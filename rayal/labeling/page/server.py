"""The labeling page's server: one desk's answers, to who knows its token (`private_server`)."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Callable
from functools import cache
from http import HTTPStatus
from pathlib import Path
from shlex import quote
from typing import Any

from rayal.labeling import pictures
from rayal.labeling.current_files import why_lost
from rayal.labeling.errors import LabelingError
from rayal.labeling.page.answer import read_answer
from rayal.labeling.page.desk import ChangedMeanwhileError, Desk
from rayal.labeling.project import Project
from rayal.private_server import PrivateHandler, PrivateServer, RefusedError

HERE = Path(__file__).parent
SIDES = {"small": 96, "large": 1600}  # pixels of an image


class LabelServer(PrivateServer):
    """Serves one desk on 127.0.0.1."""

    def __init__(self, project: Project, desk: Desk, port: int = 0) -> None:
        """Bind a port, 0 for any that is free.

        Raises:
            OSError: the port is taken.
        """
        super().__init__(_Handler, port)
        self.project, self.desk = project, desk


class _Handler(PrivateHandler):
    server: LabelServer
    command = "rayal label"
    faults = (*PrivateHandler.faults, ChangedMeanwhileError)

    def policy(self) -> str:
        return policy()

    def refusal(self, error: Exception) -> RefusedError:
        if isinstance(error, ChangedMeanwhileError):
            return RefusedError(HTTPStatus.CONFLICT, str(error))
        if isinstance(error, OSError):
            return RefusedError(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"The answer could not be written and is not kept: {error.strerror or error}",
            )
        return super().refusal(error)

    def get(self, path: str) -> None:
        if path == "/":
            content = page(self.server.project.root)
            self.send(HTTPStatus.OK, content.encode(), "text/html; charset=utf-8")
        elif path.startswith("/image/"):
            self._send_image(*path.removeprefix("/image/").partition("/")[::2])
        else:
            raise self.nothing_at(path)

    def post(self, path: str, content: bytes) -> None:
        fields = json.loads(content)
        if not isinstance(fields, dict) or not isinstance(fields.get("window"), str):
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, "A request is an object that names its window."
            )
        answer = self._actions.get(path)
        if answer is None:
            raise self.nothing_at(path)
        self.send(HTTPStatus.OK, json.dumps(answer(fields)).encode(), "application/json")

    @property
    def _actions(self) -> dict[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        desk = self.server.desk
        return {
            "/next": lambda f: desk.next(f["window"]),
            "/show": lambda f: desk.show(f["window"], str(f.get("id"))),
            "/answer": lambda f: desk.answer(f["window"], read_answer(f), f.get("seen")),
            "/undo": lambda f: desk.undo(f["window"]),
        }

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
        self.send(HTTPStatus.OK, content, pictures.media_type(content), "private, max-age=600")


@cache
def page(root: Path) -> str:
    """Return the page with its style and script inside; root: of the project, for its commands."""
    text, style, script = map(_source, ("label.html", "label.css", "label.js"))
    folder = html.escape(quote(str(root)))
    return (
        text.replace("/* style */", style)
        .replace("/* script */", script)
        .replace("<!-- project -->", folder)
    )


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
