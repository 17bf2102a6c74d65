"""Work on every shard: what is sent there, and what comes back.

A strategy's work on one shard is a `Part`: an object made there from the shard's rows and a few
plain values. `update` calls a method that changes all parts, `query` one that does not. Large
answers are combined where the parts are, so that what reaches the caller is one answer of each
process, not one of each shard: a combination takes two answers, or what it made of them, in any
order and grouping, to the same result. What changed a part is remembered, so that a part whose
process was lost is made again elsewhere by the same calls: a choice does not depend on what was
lost.

`map` runs a function on items of any kind, anywhere; it must depend on its arguments alone.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

from rayal.distributed.shard_rows import ShardRows
from rayal.storage.shard_set import Shard, ShardSet

MakePart: TypeAlias = Callable[..., Any]
Call: TypeAlias = tuple[str, tuple[Any, ...]]
Combine: TypeAlias = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class PartMaker:
    """How parts are made: make(rows, *arguments), of rows as they are or of unit length."""

    shards: ShardSet
    make: MakePart
    arguments: tuple[Any, ...]
    unit: bool = False
    streamed: bool = False

    def __call__(self, shard: Shard) -> Any:
        rows = ShardRows(self.shards, shard, streamed=self.streamed, unit=self.unit)
        return self.make(rows, *self.arguments)


@dataclass
class Parts:
    """The parts of all shards at work, what has changed them so far, and a number of their own."""

    executor: Executor
    maker: PartMaker
    updates: list[Call] = field(default_factory=list)
    key: int = field(default_factory=itertools.count().__next__)

    def update(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method that changes the parts; return what each gives, in the shards' order."""
        return self._update((method, arguments), None)

    def query(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method that changes nothing; return what each part gives, in the shards' order."""
        return self.executor.call(self, (method, arguments), changes=False)

    def combined_update(self, combine: Combine, method: str, *arguments: Any) -> Any:
        """Call a method that changes the parts; return what all of them give, combined."""
        return reduce(combine, self._update((method, arguments), combine))

    def combined(self, combine: Combine, method: str, *arguments: Any) -> Any:
        """Call a method that changes nothing; return what all parts give, combined."""
        call = method, arguments
        return reduce(combine, self.executor.call(self, call, changes=False, combine=combine))

    def _update(self, call: Call, combine: Combine | None) -> list[Any]:
        answers = self.executor.call(self, call, changes=True, combine=combine)
        self.updates.append(call)
        return answers


class Executor(ABC):
    """Who does the work."""

    streamed = False

    def parts(self, shards: ShardSet, make: MakePart, *arguments: Any, unit: bool = False) -> Parts:
        """Have a part made for every shard."""
        return Parts(self, PartMaker(shards, make, arguments, unit, self.streamed))

    @abstractmethod
    def call(
        self, parts: Parts, call: Call, *, changes: bool, combine: Combine | None = None
    ) -> list[Any]:
        """Call a method of all parts, which are made first where they are not there.

        Returns:
            What each part gives, in the shards' order; with a combination, what it made of some
            parts' answers each.
        """

    @abstractmethod
    def map(
        self,
        function: Callable[..., Any],
        items: Sequence[Any],
        *shared: Any,
        on_result: Callable[[Any], None] = lambda result: None,
    ) -> list[Any]:
        """Return function(item, *shared) of every item, in their order.

        on_result: called with each as it comes, in any order.
        """


def made_again(maker: PartMaker, shard: Shard, updates: Sequence[Call]) -> Any:
    """Return the part of a shard after the calls that have changed it."""
    part = maker(shard)
    for method, arguments in updates:
        getattr(part, method)(*arguments)
    return part
