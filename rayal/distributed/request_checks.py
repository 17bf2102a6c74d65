"""What is asked of a pool in shards, refused with one message before anything is computed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from rayal.array_input import whole_number
from rayal.distributed.strategies import ShardStrategy
from rayal.hints import nearest, show_value, way_out
from rayal.storage.shard_set import ShardSet

UNKNOWN = -1  # class of a label that is not named
LARGEST_CLASS = 10**9
LIBRARIES = 600 << 20  # bytes of a process before it has read a row
BLOCKS = 128 << 20  # bytes of the blocks at work
BOUNDS = {"class_balanced": (0.0, math.inf), "delta": (0.0, 2.0)}


def check_params(strategy: str, chooser: ShardStrategy, params: Mapping[str, Any]) -> None:
    """Refuse parameters that a strategy does not have, and values that are none of theirs.

    Raises:
        ValueError: which.
    """
    for name, value in params.items():
        if name not in chooser.params:
            has = ", ".join(chooser.params) or "none"
            close = nearest(name, chooser.params)
            raise ValueError(
                f"'{strategy}' over shards has no parameter '{name}'{close}; it has {has}"
            )
        if value is None and chooser.params[name] is None:
            continue
        least, most = BOUNDS[name]
        number = _finite(value)
        shown = show_value(value)
        if number is None:
            default = chooser.params[name]
            raise ValueError(
                f"'{strategy}': {name}={shown} is no finite number, from {least:g} to {most:g}"
                f"{way_out('float_type', value)}; left out it is {default}"
            )
        if not least <= number <= most:
            raise ValueError(f"{name}={shown} is out of bounds: {least:g} to {most:g}")


def check_holdings(
    strategy: str,
    chooser: ShardStrategy,
    params: Mapping[str, Any],
    classes: int,
    has_scores: bool,
    place: object,
) -> None:
    """Refuse a strategy that reads what the shards at a place do not have.

    classes: C of their probabilities, 0 where there are none.

    Raises:
        ValueError: what is missing.
    """
    reads_probs = chooser.needs == "probs" or params.get("class_balanced") is not None
    if reads_probs and not classes:
        raise ValueError(f"'{strategy}' reads probabilities, and {place} has none")
    if chooser.needs == "scores" and not has_scores:
        raise ValueError(f"'{strategy}' reads scores, and {place} has none")


def check_budget(budget: object, rows: int, labeled: int) -> None:
    """Refuse a budget that is no whole number from 1 to the rows that have no label.

    Raises:
        ValueError: why.
    """
    number = whole_number("budget", budget)
    left = rows - labeled
    if left < 1:
        raise ValueError(
            f"nothing is left to label: {labeled:,} labels are given for {rows:,} rows"
        )
    if not 1 <= number <= left:
        raise ValueError(
            f"budget={number} is out of bounds: 1 to {left:,} rows are without a label"
        )


def check_labels(labels: object) -> None:
    """Refuse labels that are no mapping of ids to classes.

    Raises:
        ValueError: which.
    """
    if not isinstance(labels, Mapping):
        raise ValueError(f"labels must be a mapping, id -> class; got a {type(labels).__name__}")
    for name, label in labels.items():
        if not isinstance(name, str):
            raise ValueError(
                f"labels: {name!r} is no id: ids of shards are text, such as {str(name)!r}"
            )
        is_whole = isinstance(label, int | np.integer) and not isinstance(label, bool)
        if not is_whole or not UNKNOWN <= label <= LARGEST_CLASS:
            raise ValueError(
                f"the label {label!r} of {name!r} is no class: give its number from 0, or {UNKNOWN}"
                " where it is not known"
            )


def check_place_of_work(memory: object, address: str | None, workers: object) -> None:
    """Refuse a bound on this process for work that a cluster does, and the other way round.

    Raises:
        ValueError: which, or a number that is none.
    """
    if memory is not None and ((number := _finite(memory)) is None or number < 1):
        raise ValueError(
            f"memory must be a number of bytes, such as 4 * 2**30; got {show_value(memory)}"
        )
    if workers is not None and whole_number("workers", workers) < 1:
        raise ValueError(f"workers={workers} is out of bounds: 1 up")
    if memory is not None and address is not None:
        raise ValueError(
            "memory bounds this process, and address gives the work to a cluster: leave out one of "
            "them"
        )
    if workers is not None and address is None:
        raise ValueError(f"workers={workers} is of a Ray cluster: give its address")


def check_seed(seed: object) -> None:
    """Refuse a seed that is no whole number from 0.

    Raises:
        ValueError: it is none.
    """
    if whole_number("seed", seed) < 0:
        raise ValueError(f"seed={seed} is out of bounds: 0 up")


def is_streamed(
    strategy: str, chooser: ShardStrategy, shards: ShardSet, memory: float | None
) -> bool:
    """Whether rows are read anew at each pass, so that the process stays within its memory.

    Raises:
        ValueError: it needs more without any row.
    """
    if memory is None:
        return False
    overhead = overhead_of(chooser, shards.rows)
    check_memory(strategy, overhead, shards.rows, memory)
    bytes_of_rows = shards.rows * shards.dims * np.dtype(shards.dtype).itemsize
    return overhead + bytes_of_rows > memory


def overhead_of(chooser: ShardStrategy, rows: int) -> int:
    """Return the bytes that a process needs beside the rows themselves."""
    return LIBRARIES + BLOCKS + chooser.piece + chooser.state * rows


def check_memory(strategy: str, overhead: int, rows: int, memory: float) -> None:
    """Refuse memory below the overhead, in bytes.

    Raises:
        ValueError: how much is needed.
    """
    if overhead > memory:
        needed, allowed = (
            math.ceil(overhead * 10 / 2**20) / 10,
            math.floor(memory * 10 / 2**20) / 10,
        )
        raise ValueError(
            f"memory: '{strategy}' of {rows:,} rows takes {needed:,.1f} MiB beside the rows "
            f"themselves, and {allowed:,.1f} MiB are allowed; allow more, or give the address of a "
            "cluster"
        )


def _finite(value: object) -> float | None:
    """Return a real number that is finite as a float; None of anything else, such as True."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
