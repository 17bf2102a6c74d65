"""Actors of one CPU each hold the parts of some shards; what is lost with a node is made again.

A node that dies takes its actors along. Their shards go to the actors that are left, which make the
parts again by the calls that have changed them, so that the answer is that of an undisturbed run.
Actors take a CPU each and end with the selection: none keeps a node alive or has one started that
it does not use.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

from rayal.distributed.executor import Call, Combine, Executor, PartMaker, Parts, made_again
from rayal.run.gpus import take_share
from rayal.run.ray.errors import ClusterLostError
from rayal.run.ray.resources import alive_nodes
from rayal.run.ray.session import ray_session
from rayal.storage.shard_set import Shard
from rayal.sweep.schema import Resources

LOSSES = 20  # actors lost before the cluster is given up
IN_FLIGHT = 2  # pieces of other work that an actor has been given


@contextlib.contextmanager
def ray_executor(
    address: str, say: Callable[[str], None], workers: int | None = None, gpus: float = 0
) -> Iterator[RayExecutor]:
    """Join a cluster and work on it for as long as the body takes.

    Args:
        address: of the cluster.
        say: told what happens.
        workers: actors, which are waited for where the cluster has to grow; None: as many as have
            room now.
        gpus: of each actor, a share of one or whole ones.

    Raises:
        ClusterError: nothing answers there.
    """
    with ray_session(Resources(), address, say):
        executor = RayExecutor(say, workers, gpus)
        try:
            yield executor
        finally:
            executor.end()


@dataclass(eq=False)
class _Worker:
    """An actor and the shards, by number, whose parts it holds."""

    actor: Any
    shards: set[int] = field(default_factory=set)


Answer: TypeAlias = tuple[list[int], Any]  # the numbers of shards, and what their parts give


def _both(combine: Combine, *answers: Answer) -> Answer:
    """Combine one answer or two."""
    numbers, given = zip(*answers, strict=True)
    return [number for each in numbers for number in each], reduce(combine, given)


class ShardActor:
    """Holds parts of the latest kind asked for, by the number of their shard."""

    def __init__(self, gpus: float) -> None:
        take_share(gpus)
        self._key = -1
        self._parts: dict[int, tuple[Any, int]] = {}

    def build(
        self, shards: Mapping[int, Shard], key: int, maker: PartMaker, updates: Sequence[Call]
    ) -> None:
        """Make parts, after the calls that have changed them."""
        if key != self._key:
            self._key, self._parts = key, {}
        for number, shard in shards.items():
            self._parts[number] = made_again(maker, shard, updates), len(updates)

    def call(
        self,
        shards: Sequence[int],
        key: int,
        updates: int,
        call: Call,
        changes: bool,
        combine: Combine | None,
    ) -> list[Answer]:
        """Return what the parts give, of those shards whose parts are there and up to date.

        One answer of each, or one of all where they are combined.
        """
        method, arguments = call
        answers: list[Answer] = []
        for number in shards:
            part, seen = self._parts.get(number, (None, -1)) if key == self._key else (None, -1)
            if part is not None and seen == updates:
                answer = [number], getattr(part, method)(*arguments)
                answers = [_both(combine, *answers, answer)] if combine else [*answers, answer]
                self._parts[number] = part, seen + changes
        return answers

    def apply(self, function: Callable[..., Any], item: Any, shared: Sequence[Any]) -> Any:
        """Return function(item, *shared)."""
        return function(item, *shared)


class RayExecutor(Executor):
    """Works on the shards with all CPUs of a cluster."""

    def __init__(
        self, say: Callable[[str], None], workers: int | None = None, gpus: float = 0
    ) -> None:
        self._say, self._count, self._gpus = say, workers, gpus
        self._workers: list[_Worker] = []
        self._losses = 0

    def call(
        self, parts: Parts, call: Call, *, changes: bool, combine: Combine | None = None
    ) -> list[Any]:
        request = parts.key, len(parts.updates), call, changes, combine
        answers: list[Answer] = []
        missing = set(range(len(parts.maker.shards.shards)))
        while missing:
            self._place(missing)
            for some in self._ask_all("call", missing, lambda shards: (shards, *request)):
                answers += some
            missing = missing.difference(*(numbers for numbers, _ in answers))
            if missing:
                self._ask_all("build", missing, lambda shards: _to_build(parts, shards))
        return [given for _, given in sorted(answers, key=lambda answer: answer[0][0])]

    def map(
        self,
        function: Callable[..., Any],
        items: Sequence[Any],
        *shared: Any,
        on_result: Callable[[Any], None] = lambda result: None,
    ) -> list[Any]:
        import ray

        waiting = list(reversed(range(len(items))))
        pending: dict[Any, tuple[_Worker, int]] = {}
        results: dict[int, Any] = {}
        while len(results) < len(items):
            self._start()
            busy = [worker for worker, _ in pending.values()]
            free = [each for each in self._workers for _ in range(IN_FLIGHT - busy.count(each))]
            for worker in free[: len(waiting)]:
                number = waiting.pop()
                ref = worker.actor.apply.remote(function, items[number], shared)
                pending[ref] = worker, number
            [ready], _ = ray.wait(list(pending), num_returns=1)
            worker, number = pending.pop(ready)
            try:
                results[number] = ray.get(ready)
                on_result(results[number])
            except ray.exceptions.RayActorError:
                waiting.append(number)
                self._lose(worker)
        return [results[number] for number in range(len(items))]

    def end(self) -> None:
        """End the actors, which frees their CPUs."""
        import ray

        for worker in self._workers:
            with contextlib.suppress(Exception):  # a cluster that is gone has ended them
                ray.kill(worker.actor)
        self._workers = []

    def _start(self) -> None:
        """Start an actor for each CPU, or for each share of a GPU, where there is none."""
        if not self._workers:
            count = self._count or max(1, _room(self._gpus))
            self._workers = [_Worker(_actor(self._gpus)) for _ in range(count)]

    def _place(self, shards: set[int]) -> None:
        """Give every shard an actor: the one that has the fewest."""
        self._start()
        free = shards - {number for worker in self._workers for number in worker.shards}
        for number in sorted(free):
            min(self._workers, key=lambda worker: len(worker.shards)).shards.add(number)

    def _ask_all(
        self, method: str, shards: set[int], arguments: Callable[[list[int]], tuple[Any, ...]]
    ) -> list[Any]:
        """Call a method of every actor that holds some of the shards; return what came back."""
        import ray

        busy = [(worker, sorted(worker.shards & shards)) for worker in self._workers]
        refs = [
            (worker, getattr(worker.actor, method).remote(*arguments(held)))
            for worker, held in busy
            if held
        ]
        answers = []
        for worker, ref in refs:
            try:
                answers.append(ray.get(ref))
            except ray.exceptions.RayActorError:
                self._lose(worker)
        return answers

    def _lose(self, worker: _Worker) -> None:
        """Leave an actor that was lost; its shards have none until they are placed again."""
        import ray

        if worker not in self._workers:
            return  # another of its calls said so
        self._losses += 1
        self._workers.remove(worker)
        with contextlib.suppress(Exception):  # it may be cut off, and at work still
            ray.kill(worker.actor)
        if self._losses > LOSSES:
            raise ClusterLostError(
                f"{self._losses} workers of the cluster were lost; run the same command again when "
                "its nodes are well"
            )
        self._say(f"a worker was lost; {len(worker.shards)} of its shards go to others")


def _to_build(parts: Parts, shards: list[int]) -> tuple[Any, ...]:
    held = {number: parts.maker.shards.shards[number] for number in shards}
    return held, parts.key, parts.maker, parts.updates


def _actor(gpus: float) -> Any:
    import ray

    options = {"num_cpus": 1, "max_restarts": 0, "scheduling_strategy": "SPREAD"}
    return ray.remote(ShardActor).options(num_gpus=gpus, **options).remote(gpus)


def _room(gpus: float) -> int:
    """Return how many actors the cluster has room for."""
    room = 0
    for node in alive_nodes():
        cpus, cards = int(node.get("CPU", 0)), node.get("GPU", 0)
        room += min(cpus, int(cards / gpus + 1e-9)) if gpus else cpus
    return room
