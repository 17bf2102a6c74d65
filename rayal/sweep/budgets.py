"""Amounts in a sweep file -> numbers: of labeled images at the end of each round, and of seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

from rayal.hints import nearest, show_value
from rayal.registry import STRATEGIES
from rayal.sweep.amounts import Amount
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.errors import Mistakes
from rayal.sweep.schema import Cycles, Part

MOST_SEEDS = 100_000  # of a strategy


def schedules(part: Part, data: DatasetInfo, mistakes: Mistakes) -> list[tuple[int, ...]]:
    """Return labeled images in all after each round: one schedule a budget, or that of the cycles.

    Amounts that are more than the pool, or less than one image, are noted and left out.
    """
    if part.cycles is None:
        return _single_queries(part.budgets or [], data, mistakes)
    schedules_: list[tuple[int, ...]] = []
    with mistakes.gather():
        schedules_.append(_rounds(part.cycles, data))
    return schedules_


def _single_queries(
    budgets: Sequence[Amount], data: DatasetInfo, mistakes: Mistakes
) -> list[tuple[int, ...]]:
    counts: dict[int, None] = {}
    for amount in budgets:
        with mistakes.gather():
            counts[_images(amount, data, "budgets")] = None
    return [(count,) for count in counts]


def equal_budgets(part: Part, data: DatasetInfo) -> list[str]:
    """Say which budgets of a part are the same number of images: their trials are the same."""
    written: dict[int, list[str]] = {}
    for amount in part.budgets or []:
        written.setdefault(_images(amount, data, "budgets"), []).append(str(amount))
    return [
        f"budgets: {' and '.join(amounts)} are all {count:,} images of {data.name}; trials of "
        "these run once"
        for count, amounts in written.items()
        if len(amounts) > 1
    ]


def _rounds(cycles: Cycles, data: DatasetInfo) -> tuple[int, ...]:
    if cycles.rounds > data.train:
        raise ValueError(
            f"cycles: {cycles.rounds:,} rounds of at least one image each is out of bounds for "
            f"{data.name}: its pool has {data.train:,} images"
        )
    grown = [cycles.start, *_steps(cycles)]
    schedule = tuple(accumulate(_images(amount, data, "cycles") for amount in grown))
    _check_budget(schedule[-1], data, f"the last of {cycles.rounds} rounds")
    return schedule


def seed_counts(
    seeds: int | dict[str, int], strategies: Sequence[str], mistakes: Mistakes
) -> dict[str, int]:
    """Return how many seeds each strategy has, by its name.

    seeds: one number for all, or numbers by names, of which "default" stands for the others. One
    such table may serve several parts: it may name strategies that this part has not.
    """
    counts = {"default": seeds} if isinstance(seeds, int) else seeds
    known = [*STRATEGIES.names(), "default"]
    for name, count in counts.items():
        if name not in known:
            mistakes.add(
                f"seeds: there is no strategy named {show_value(name)}{nearest(name, known)}"
            )
        elif not 1 <= count <= MOST_SEEDS:
            mistakes.add(f"seeds: {name}: {count} is out of bounds: give 1 to {MOST_SEEDS:,}")
    missing = [name for name in strategies if name not in counts and "default" not in counts]
    if missing:
        mistakes.add(f"seeds: say how many for {', '.join(missing)}, or give a default")
    return {name: counts.get(name, counts.get("default", 0)) for name in strategies}


def _steps(cycles: Cycles) -> list[Amount]:
    later = cycles.rounds - 1
    if not isinstance(cycles.step, list):
        return [cycles.step] * later
    if len(cycles.step) != later:
        raise ValueError(
            f"cycles: {len(cycles.step)} steps are listed for rounds={cycles.rounds}; list one for "
            f"each round after the first, {later}, or give one number for all"
        )
    return cycles.step


def _images(amount: Amount, data: DatasetInfo, where: str) -> int:
    """Return a number of images; shares of the pool are rounded down, as HaCon does."""
    if isinstance(amount, str):
        # The nudge keeps 0.7% of 11,000 at 77: the product is a hair under it in binary.
        images = math.floor(data.train * float(amount.rstrip("% ")) / 100 + 1e-9)
    else:
        images = amount
    _check_budget(images, data, where, amount)
    return images


def _check_budget(images: int, data: DatasetInfo, where: str, amount: Amount | None = None) -> None:
    if not 1 <= images <= data.train:
        written = f" ('{amount}')" if isinstance(amount, str) else ""
        raise ValueError(
            f"{where}: {images}{written} images is out of bounds for {data.name}: "
            f"a budget is at least 1 and at most its pool of {data.train:,} images"
        )
