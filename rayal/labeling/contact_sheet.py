"""contact-sheet.html: the images of a round in rank order, and where they lie in the pool."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rayal.contracts import Features
from rayal.labeling import pictures
from rayal.labeling.exchange.tool import Entry, Sheet
from rayal.labeling.project import Project
from rayal.labeling.rounds import Round
from rayal.storage.atomic import write_bytes

SIDE = 192  # pixels of a thumbnail
MOST_POINTS = 3000  # of the pool in the picture
FITTED = 750  # rows, about, that the plane is fitted to
WIDTH, HEIGHT, MARGIN = 720, 440, 16  # of the picture
REASONS_SHOWN = 12  # kinds of files left out


@dataclass(frozen=True)
class Card:
    """One image on the sheet; picture: a data address, "" where it cannot be shown."""

    entry: Entry
    picture: str


@dataclass(frozen=True)
class Mark:
    """One chosen image in the picture of the pool."""

    rank: int
    x: float
    y: float
    purpose: str


def write_contact_sheet(project: Project, round_: Round, sheet: Sheet) -> None:
    """Write the page; it holds all that it shows."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [project.pool.position[rayal_id] for rayal_id in round_.ids]
    points, marks = _plane(project.features, rows, round_)
    page = environment.get_template("contact_sheet.html").render(
        project=project,
        made=round_,
        cards=[Card(one, picture_address(project, one.rayal_id, SIDE)) for one in sheet.entries],
        points=points,
        marks=marks,
        width=WIDTH,
        height=HEIGHT,
        left_out=_reasons(project),
        duplicates=sum(bool(image.duplicate_of) for image in project.pool),
    )
    write_bytes(project.root / "contact-sheet.html", page.encode("utf-8", "replace"))


def picture_address(project: Project, rayal_id: str, side: int) -> str:
    """Return an image as a data address, "" where it cannot be shown."""
    if not project.has_images:
        return ""
    try:
        content = project.thumbnail(rayal_id, side)
    except (ValueError, OSError):
        return ""
    encoded = base64.b64encode(content).decode()
    return f"data:{pictures.media_type(content)};base64,{encoded}"


def _plane(
    features: Features, chosen: Sequence[int], round_: Round
) -> tuple[list[tuple[float, float]], list[Mark]]:
    """Return points of the pool and the chosen ones on the plane of the largest variance."""
    if len(features) < 3:
        return [], []
    rows = np.sort(np.random.default_rng(0).permutation(len(features))[:MOST_POINTS])
    mean, axes = _axes(np.asarray(features[rows[:: max(1, len(rows) // FITTED)]]))
    flat = _two_columns((np.asarray(features[rows]) - mean) @ axes)
    points = _two_columns((np.asarray(features[np.asarray(chosen)]) - mean) @ axes)
    low, high = np.percentile(flat, 0.5, axis=0), np.percentile(flat, 99.5, axis=0)
    marks = [
        Mark(image.rank, round(float(x), 1), round(float(y), 1), image.purpose)
        for image, (x, y) in zip(round_.chosen, _scaled(points, low, high), strict=True)
    ]
    shown = _scaled(flat, low, high)
    return [(round(float(x), 1), round(float(y), 1)) for x, y in shown], marks


def _axes(rows: Features) -> tuple[Features, Features]:
    """Return the mean (D,) and the two first principal axes (D, 2), by the (n, n) products."""
    mean = rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    centered = rows - mean
    _, vectors = np.linalg.eigh((centered @ centered.T).astype(np.float64))
    axes = centered.T @ vectors[:, ::-1][:, :2].astype(np.float32)
    return mean, axes / np.maximum(np.linalg.norm(axes, axis=0), 1e-12)


def _two_columns(points: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    second = points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
    return np.column_stack([points[:, 0], second]).astype(np.float64)


def _scaled(
    points: npt.NDArray[np.float64], low: npt.NDArray[np.float64], high: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Bring points (n, 2) into the picture; those far out lie on its border."""
    size = np.array([WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN])
    share = (points - low) / np.maximum(high - low, 1e-12)
    return np.asarray(MARGIN + np.clip(share, 0, 1) * size)


def _reasons(project: Project) -> list[tuple[str, int, str]]:
    """Return (reason, how many files, the first of them), the most first."""
    first: dict[str, tuple[int, str]] = {}
    for image in project.left_out:
        reason = "the same bytes as another image" if image.rayal_id else image.reason
        count, path = first.get(reason, (0, image.path))
        first[reason] = count + 1, path
    ordered = sorted(first.items(), key=lambda pair: -pair[1][0])
    return [(reason, count, path) for reason, (count, path) in ordered[:REASONS_SHOWN]]
