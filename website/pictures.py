"""Each strategy's first 20 choices as an SVG: small, in the page's own colors."""

from __future__ import annotations

import numpy as np

from rayal.registry import Component
from rayal.traits import StrategyTraits
from website.toy_problem import CHOICES, choose, problem

WIDTH, HEIGHT, MARGIN = 320, 240, 12
CLASS_COLORS = ("#4477aa", "#228833", "#b8860b", "#aa3377")  # told apart by the color-blind too
CHOSEN = "#cc3311"


def svg(component: Component[StrategyTraits]) -> str:
    """Return the picture: all points by class, labels from before as squares, choices by rank."""
    chosen, before = choose(component)
    places = _places()
    labels = problem().dataset.train.labels
    dots = [
        _points([places[i] for i in np.flatnonzero(labels == c)], color)
        for c, color in enumerate(CLASS_COLORS)
    ]
    squares = [
        f'<rect x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8" fill="none" '
        'stroke="#777" stroke-width="1.6"/>'
        for x, y in (places[i] for i in before)
    ]
    numbers = [_numbered(places[i], rank) for rank, i in enumerate(chosen, start=1)][::-1]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img">',
            f"<title>The first {CHOICES} choices of {component.name}</title>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *dots, *squares,
            '<g font-family="sans-serif" font-size="8.5" font-weight="bold" text-anchor="middle">',
            *numbers,
            "</g></svg>\n",
        ]
    )  # fmt: skip


def caption(component: Component[StrategyTraits]) -> str:
    """Return what the picture shows, in a sentence or two."""
    _, before = choose(component)
    start = (
        f"Gray squares: {len(before)} labels drawn at random before, on which the learner is "
        "trained whose predictions it reads."
        if len(before)
        else "Nothing is labeled before."
    )
    return f"Its first {CHOICES} choices, by rank, among points of four classes. {start}"


def _points(places: list[tuple[float, float]], color: str) -> str:
    """Draw points as strokes of no length with round ends: a tenth of the bytes of circles."""
    strokes = "".join(f"M{x} {y}h0" for x, y in places)
    return (
        f'<path stroke="{color}" stroke-opacity=".55" stroke-width="4.4" stroke-linecap="round" '
        f'd="{strokes}"/>'
    )


def _places() -> list[tuple[float, float]]:
    points = problem().embedding.train.astype(float)
    low, high = points.min(axis=0), points.max(axis=0)
    x, y = ((points - low) / (high - low)).T
    across, down = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    return [
        (round(MARGIN + a * across, 1), round(HEIGHT - MARGIN - b * down, 1))
        for a, b in zip(x, y, strict=True)
    ]


def _numbered(place: tuple[float, float], rank: int) -> str:
    x, y = place
    return (
        f'<circle cx="{x}" cy="{y}" r="6.8" fill="{CHOSEN}"/>'
        f'<text x="{x}" y="{y + 2.9:.1f}" fill="#fff">{rank}</text>'
    )
