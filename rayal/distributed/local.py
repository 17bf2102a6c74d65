"""All shards in this process, one after another; their rows in blocks on its threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

from rayal.distributed.executor import Call, Combine, Executor, Parts


class LocalExecutor(Executor):
    """Works on the shards of one machine.

    Args:
        streamed: read rows anew at each pass, so that memory does not hold them.
    """

    def __init__(self, *, streamed: bool = False) -> None:
        self.streamed = streamed
        self._made: tuple[Parts, list[Any]] | None = None

    def call(
        self, parts: Parts, call: Call, *, changes: bool, combine: Combine | None = None
    ) -> list[Any]:
        if self._made is None or self._made[0] is not parts:
            self._made = parts, [parts.maker(shard) for shard in parts.maker.shards.shards]
        method, arguments = call
        answers = (getattr(part, method)(*arguments) for part in self._made[1])
        return [reduce(combine, answers)] if combine else list(answers)

    def map(
        self,
        function: Callable[..., Any],
        items: Sequence[Any],
        *shared: Any,
        on_result: Callable[[Any], None] = lambda result: None,
    ) -> list[Any]:
        results = []
        for item in items:
            results.append(function(item, *shared))
            on_result(results[-1])
        return results
