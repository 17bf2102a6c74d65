"""The files of the newest round, for people and their tools; made again whenever it is needed."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from rayal.labeling import pictures
from rayal.labeling.contact_sheet import write_contact_sheet
from rayal.labeling.exchange.tool import Entry, Sheet, tools
from rayal.labeling.pool import PoolImage
from rayal.labeling.project import PREVIEWS, PUBLISHED, Project
from rayal.labeling.rounds import Chosen
from rayal.labeling.spreadsheet import write_csv
from rayal.storage.atomic import write_bytes

PREVIEW_SIDE = 2048  # pixels
COLUMNS = (
    "rank", "path", "rayal_id", "group", "purpose", "reason", "represents", "nearest_labeled",
    "predicted", "confidence", "round",
)  # fmt: skip
_SHOWN_BY_BROWSERS = frozenset({".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp"})
_PLAIN_MODES = frozenset({"1", "L", "LA", "P", "RGB", "RGBA"})


def is_published(project: Project) -> bool:
    """Whether the files of the newest round were made to their end."""
    return project.published == len(project.rounds)


def publish(project: Project) -> list[str]:
    """Make the files of the newest round; return what to do with them, a line a tool."""
    newest = project.rounds[-1]
    entries = (_entry(project, image) for image in newest.chosen)
    sheet = sheet_of(project, newest.number, entries)
    rows = [
        {
            **vars(entry),
            "confidence": entry.confidence if entry.predicted else "",
            "round": newest.number,
        }
        for entry in sheet.entries
    ]
    write_csv(project.root / "selection.csv", COLUMNS, rows)
    write_contact_sheet(project, newest, sheet)
    lines = [line for tool in tools().values() if (line := tool.write(sheet))]
    write_bytes(project.root / PUBLISHED, json.dumps({"round": newest.number}).encode())
    return lines


def sheet_of(project: Project, number: int, entries: Iterable[Entry]) -> Sheet:
    """Return what other tools are given of some images, in a round of this number."""
    images = project.source if project.has_images else project.root
    settings = project.settings
    return Sheet(
        project.root.resolve(), images, settings.project, number, project.classes, tuple(entries),
        settings.multilabel,
    )  # fmt: skip


def _entry(project: Project, chosen: Chosen) -> Entry:
    pool = project.pool
    image = pool[pool.position[chosen.rayal_id]]
    near = pool.position.get(chosen.nearest_labeled)
    return Entry(
        chosen.rank,
        chosen.rayal_id,
        image.path,
        image.group,
        chosen.reason,
        chosen.represents,
        "" if near is None else pool[near].path,
        chosen.purpose,
        image.width,
        image.height,
        shown_file(project, image),
        chosen.predicted,
        chosen.confidence,
    )


def shown_file(project: Project, image: PoolImage) -> Path | None:
    """Return a file that browsers show: the image, else a preview of it that is made here."""
    if not project.has_images:
        return None
    own = project.source / image.path
    if own.suffix.lower() in _SHOWN_BY_BROWSERS and image.mode in _PLAIN_MODES:
        return own
    preview = project.root.resolve() / PREVIEWS / f"{image.rayal_id}.png"
    if not preview.is_file():
        preview.parent.mkdir(exist_ok=True)
        try:
            content = pictures.thumbnail(own, PREVIEW_SIDE)
        except ValueError:
            return own  # it went after it was chosen; the sheet says so
        write_bytes(preview, content)
    return preview
