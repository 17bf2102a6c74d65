"""Amounts in a sweep file -> numbers of labeled images at the end of each round."""

from __future__ import annotations

import math
from itertools import accumulate

from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.file import Amount, Cycles, Part


def schedules(part: Part, data: DatasetInfo) -> list[tuple[int, ...]]:
    """Return labeled images in all after each round: one schedule a budget, or that of the cycles.

    Raises:
        ValueError: an amount is none, or is more than the pool or less than one image.
    """
    if part.cycles is not None:
        grown = [part.cycles.start, *_steps(part.cycles)]
        schedule = tuple(accumulate(_images(amount, data, "cycles") for amount in grown))
        _check_budget(schedule[-1], data, f"the last of {part.cycles.rounds} rounds")
        return [schedule]
    budgets = [_images(amount, data, "budgets") for amount in part.budgets or []]
    return [(budget,) for budget in dict.fromkeys(budgets)]


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
        images = math.floor(data.train * _percent(amount, where) / 100 + 1e-9)
    else:
        images = amount
    _check_budget(images, data, where, amount)
    return images


def _percent(amount: str, where: str) -> float:
    try:
        share = float(amount.removesuffix("%")) if amount.endswith("%") else math.nan
    except ValueError:
        share = math.nan
    if not 0 < share <= 100:
        raise ValueError(
            f"{where}: '{amount}' is neither a number of images nor a share such as '0.5%'"
        )
    return share


def _check_budget(images: int, data: DatasetInfo, where: str, amount: Amount | None = None) -> None:
    if not 1 <= images <= data.train:
        asked = f" ('{amount}')" if isinstance(amount, str) else ""
        raise ValueError(
            f"{where}: {images}{asked} images is out of bounds for {data.name}: "
            f"a budget is at least 1 and at most its pool of {data.train:,} images"
        )
