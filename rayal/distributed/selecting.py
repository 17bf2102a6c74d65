"""Choosing from a pool in shards: the way in, on one machine or on a Ray cluster."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.distributed.executor import Executor
from rayal.distributed.feature_checks import check_features, warn_of_equal_rows
from rayal.distributed.local import LocalExecutor
from rayal.distributed.request_checks import (
    check_budget,
    check_holdings,
    check_labels,
    check_params,
    check_place_of_work,
    check_seed,
    is_streamed,
)
from rayal.distributed.shard_rows import ShardRows, by_shard
from rayal.distributed.strategies import Question, find_strategy
from rayal.seeds import generator
from rayal.storage.location import Location
from rayal.storage.shard_set import ShardSet, read_shard_set
from rayal.storage.shards import ONE_ID

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ShardSelection:
    """What was chosen: ids (B,) and positions (B,) in the pool, in the order of the choice.

    figures: what is known of the choice, by name: the balance's gap, k-means' inertia ... exact:
    whether it is the choice of one machine whatever the shards; promise: what holds of it. content:
    a hash of the rows that were chosen from.
    """

    ids: tuple[str, ...]
    positions: Int64
    figures: Mapping[str, float]
    exact: bool
    promise: str
    content: str


def select_from_shards(  # noqa: PLR0913  each is one thing that a person may say
    location: str | Location | ShardSet,
    strategy: str = "kmeans",
    budget: int = 60,
    *,
    labels: Mapping[str, int] | None = None,
    seed: int = 0,
    memory: float | None = None,
    address: str | None = None,
    workers: int | None = None,
    say: Callable[[str], None] = lambda line: None,
    **params: Any,
) -> ShardSelection:
    """Return which rows of a pool in shards to label next.

    Args:
        location: a folder or s3://BUCKET/PREFIX with shards, or what was read of them; every
            machine of a cluster has to reach it by this name.
        strategy: random, scores, entropy, margin, least_confidence, k_center (exact: the same
            choice however the rows are cut into shards), kmeans, typiclust, facility_location,
            probcover (in two levels, with a bound).
        budget: how many rows to choose.
        labels: id -> class of the rows that have a label, -1 where the class is not known.
        seed: another seed, another choice.
        memory: bytes that the process may take on one machine: rows that do not fit are read anew
            at each pass. None to map them all; so it is on a cluster.
        address: of a Ray cluster that does the work ("auto" for that of this machine); None for
            this process.
        workers: of the cluster, for which it may have to grow; None: a worker for each CPU now.
        say: told what happens.
        params: class_balanced (the weight of the class balance, of strategies by scores and
            probabilities); delta (the radius of probcover).

    Raises:
        ValueError: an unknown name or parameter, a budget out of bounds, an id that is not there,
            shards without what the strategy reads, features that are the same in all rows or too
            large or small for 32 bits, too little memory, memory together with an
            address, workers without one, a chosen id that stands in several rows.
        StoreError: there are no shards, or they are damaged.
        ClusterError: the cluster does not answer.
    """
    chooser = find_strategy(strategy)
    known = {} if labels is None else labels
    check_params(strategy, chooser, params)
    check_labels(known)
    check_seed(seed)
    check_place_of_work(memory, address, workers)
    shards = location if isinstance(location, ShardSet) else read_shard_set(location)
    held = shards.classes, shards.has_scores, shards.root
    check_holdings(strategy, chooser, params, *held)
    check_budget(budget, shards.rows, len(known))
    chooser.check(shards.rows, budget)
    if chooser.sees:
        check_features(strategy, shards, unit=chooser.sees == "directions")
    streamed = is_streamed(strategy, chooser, shards, memory)
    with _executor(address, workers, streamed, say) as executor:
        labeled, classes = _labeled(executor, shards, known)
        rng = generator("shards", seed)
        question = Question(
            executor, shards, labeled, classes, budget, rng, {**chooser.params, **params}
        )
        answer = chooser.choose(question)
    ids = _ids_at(shards, answer.positions)
    _check_unique(shards, ids, answer.positions)
    if chooser.sees:
        warn_of_equal_rows(strategy, shards, answer.positions)
    exact, promise = chooser.promise_of(params)
    return ShardSelection(ids, answer.positions, answer.figures, exact, promise, shards.content)


@contextlib.contextmanager
def _executor(
    address: str | None, workers: int | None, streamed: bool, say: Callable[[str], None]
) -> Iterator[Executor]:
    if address is None:
        yield LocalExecutor(streamed=streamed)
        return
    from rayal.distributed.on_ray.executor import ray_executor

    with ray_executor(address, say, workers) as executor:
        yield executor


class IdPart:
    """The ids of one shard's rows."""

    def __init__(self, rows: ShardRows, shards: ShardSet) -> None:
        self._shards = shards
        self._shard = next(each for each in shards.shards if each.start == rows.start)

    def found(self, ids: frozenset[str]) -> list[tuple[str, int]]:
        """Return the ids that stand here, and their positions."""
        numbered_ids = enumerate(self._shards.ids(self._shard), self._shard.start)
        return [(name, position) for position, name in numbered_ids if name in ids]


def _labeled(
    executor: Executor, shards: ShardSet, labels: Mapping[str, int]
) -> tuple[Int64, Int64]:
    """Return the positions (L,), ascending, and the classes (L,) of rows by their ids."""
    if not labels:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    answers = executor.parts(shards, IdPart, shards).query("found", frozenset(labels))
    located = [pair for answer in answers for pair in answer]
    rows = Counter(name for name, _ in located)
    if missing := sorted(labels.keys() - rows.keys()):
        raise ValueError(
            f"{len(missing):,} of the labels' ids are not in {shards.root}, such as {missing[0]!r}"
        )
    if twice := sorted(name for name, count in rows.items() if count > 1):
        raise ValueError(
            f"{len(twice):,} of the labels' ids stand in several rows of {shards.root}, such as "
            f"{twice[0]!r}; {ONE_ID}"
        )
    positions = np.array([position for _, position in located], dtype=np.int64)
    classes = np.array([labels[name] for name, _ in located], dtype=np.int64)
    highest = int(classes.max())
    if shards.classes and highest >= shards.classes:
        raise ValueError(f"labels go up to class {highest}, and the shards have {shards.classes}")
    return positions, classes


def _ids_at(shards: ShardSet, positions: Int64) -> tuple[str, ...]:
    ids = np.empty(len(positions), dtype=object)
    for shard, places in by_shard(shards, positions):
        ids_of_shard = shards.ids(shard)
        for place in places:
            ids[place] = ids_of_shard[positions[place] - shard.start]
    return tuple(ids)


def _check_unique(shards: ShardSet, ids: Sequence[str], positions: Int64) -> None:
    """Refuse a choice with an id of several rows: a person would label one of them."""
    first_at: dict[str, int] = {}
    for name, position in zip(ids, positions.tolist(), strict=True):
        if name in first_at:
            rows = np.array([first_at[name], position])
            places = [shard.name for shard, _ in by_shard(shards, rows)]
            raise ValueError(
                f"{shards.root}: the id {name!r} stands in several rows, in {' and '.join(places)};"
                f" {ONE_ID}"
            )
        first_at[name] = position
