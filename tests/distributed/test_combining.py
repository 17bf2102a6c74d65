"""Answers of shards that are combined where the shards are."""

from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.distributed import selecting
from rayal.distributed.executor import Call, Combine, Parts
from rayal.distributed.local import LocalExecutor
from rayal.distributed.on_ray.executor import ShardActor
from rayal.distributed.selecting import select_from_shards
from rayal.distributed.strategies import STRATEGIES
from rayal.storage.shard_set import read_shard_set
from tests.distributed.pools import LABELS, write_pool

SHARDS = 16


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pool")
    write_pool(place, SHARDS)
    return place


class ShuffledExecutor(LocalExecutor):
    """Combines the shards' answers in another order, and in groups, each time that it is asked."""

    def __init__(self, *, streamed: bool = False) -> None:
        super().__init__(streamed=streamed)
        self._rng = np.random.default_rng(5)

    def call(
        self, parts: Parts, call: Call, *, changes: bool, combine: Combine | None = None
    ) -> list[Any]:
        answers = super().call(parts, call, changes=changes)
        if combine is None:
            return answers
        order = self._rng.permutation(len(answers))
        groups = np.array_split(order, self._rng.integers(1, len(order)))
        return [reduce(combine, [answers[number] for number in group]) for group in groups]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("labels", [{}, LABELS], ids=["first", "later"])
def test_choices_do_not_depend_on_the_order_in_which_answers_are_combined(
    pool: Path, name: str, labels: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_order = select_from_shards(pool, name, 30, labels=labels, seed=2)
    monkeypatch.setattr(selecting, "LocalExecutor", ShuffledExecutor)
    shuffled = select_from_shards(pool, name, 30, labels=labels, seed=2)
    assert shuffled.ids == in_order.ids
    assert shuffled.figures == in_order.figures


class NumberPart:
    """A part that knows its shard's first row."""

    def __init__(self, rows: Any) -> None:
        self._start = rows.start

    def first(self) -> int:
        return int(self._start)


def test_an_actor_gives_one_answer_for_all_of_its_shards(pool: Path) -> None:
    shards = read_shard_set(pool)
    parts = LocalExecutor().parts(shards, NumberPart)
    actor = ShardActor(0)
    held = {number: shards.shards[number] for number in (3, 5, 9)}
    actor.build(held, parts.key, parts.maker, [])
    ask = partial(actor.call, [3, 5, 7, 9], parts.key, 0, ("first", ()), False)
    firsts = [100 * number for number in held]
    assert ask(None) == [([3], firsts[0]), ([5], firsts[1]), ([9], firsts[2])]
    assert ask(int.__add__) == [([3, 5, 9], sum(firsts))]
