"""`rayal status RUN --serve`: how far a run is, as a page that renews itself."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from html import escape
from http import HTTPStatus

from rayal.cli.run_status import Counts, Status, read
from rayal.cli.status import columns_of, sentences
from rayal.events.terminal_text import terminal_text
from rayal.private_server import PrivateHandler, PrivateServer, RefusedError
from rayal.storage.files import StoreError
from rayal.storage.location import Location

EVERY = 5  # seconds between two looks at the run
STYLE = """
:root { color-scheme: light dark; --line: #8884; }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; }
progress { width: 100%; height: .8rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1.5rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line); text-align: right; }
th { font-weight: 600; }
th:first-child, td.name, th.name { text-align: left; }
"""


class StatusServer(PrivateServer):
    """Serves how far one run is."""

    def __init__(self, run: Location, port: int = 0) -> None:
        """Bind a port, 0 for any that is free.

        Raises:
            OSError: the port is taken.
            StoreError: it is no run.
        """
        read(run)
        super().__init__(_Handler, port)
        self.run = run


class _Handler(PrivateHandler):
    server: StatusServer
    command = "rayal status --serve"

    def policy(self) -> str:
        digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
        return (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
            "form-action 'none'; frame-ancestors 'none'"
        )

    def get(self, path: str) -> None:
        status = self._status()
        if path == "/":
            self.send(HTTPStatus.OK, page(status).encode(), "text/html; charset=utf-8")
        elif path == "/status.json":
            self.send(HTTPStatus.OK, json.dumps(asdict(status)).encode(), "application/json")
        else:
            raise self.nothing_at(path)

    def _status(self) -> Status:
        try:
            return read(self.server.run)
        except StoreError as error:
            raise RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


def page(status: Status) -> str:
    """Write a status as HTML that asks for itself again until no trial runs or waits."""
    counts, columns = status.trials, columns_of(status)
    going_on = counts.running or counts.waiting
    again = f'<meta http-equiv="refresh" content="{EVERY}">' if going_on else ""
    stages = [
        ((stage.dataset, stage.encoder, stage.state), stage.trials) for stage in status.stages
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{again}<title>{counts.done} of {counts.total}: {_text(status.name)}</title>"
        f"<style>{STYLE}</style></head><body><h1>{_text(status.name)}</h1>"
        f'<progress max="{max(counts.total, 1)}" value="{counts.done}" '
        'aria-label="trials done"></progress>'
        + "".join(f"<p>{_text(line)}</p>" for line in sentences(status))
        + _table(("dataset", "encoder", "stage"), stages, columns)
        + _table(("strategy",), _named(status.strategies), columns)
        + "</body></html>"
    )


def _text(text: str) -> str:
    """Show a name or sentence as the command does: marks that turn text around are spelled out."""
    return escape(terminal_text(text))


def _named(strategies: Mapping[str, Counts]) -> Iterable[tuple[tuple[str, ...], Counts]]:
    return (((name,), counts) for name, counts in strategies.items())


def _table(
    names: tuple[str, ...],
    rows: Iterable[tuple[tuple[str, ...], Counts]],
    columns: tuple[str, ...],
) -> str:
    head = "".join(f'<th class="name" scope="col">{name}</th>' for name in names)
    head += "".join(f'<th scope="col">{name}</th>' for name in columns)
    body = "".join(
        "<tr>"
        + "".join(f'<td class="name">{_text(text)}</td>' for text in texts)
        + "".join(f"<td>{getattr(counts, name):,}</td>" for name in columns)
        + "</tr>"
        for texts, counts in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'
