"""Ids that stand in two shards, found by 8 bytes for each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

_hash: Callable[[str], int] = hash  # of this process alone; equal ids are compared themselves


class SeenIds:
    """The ids of the shards written so far, as hashes."""

    def __init__(self) -> None:
        self._hashes: list[npt.NDArray[np.int64]] = []

    def add(self, ids: Sequence[object]) -> None:
        """Take the ids (n,) of the next shard, which are unique in it."""
        self._hashes.append(np.fromiter((_hash(str(i)) for i in ids), np.int64, len(ids)))

    def repeated(self, ids_of: Callable[[int], Iterable[str]]) -> tuple[str, int, int] | None:
        """Return an id and the numbers of two shards that have it, or None.

        ids_of: gives the ids of a shard by its number.
        """
        every = np.concatenate(self._hashes) if self._hashes else np.empty(0, np.int64)
        every.sort()
        for value in np.unique(every[1:][every[1:] == every[:-1]]):
            first_with: dict[str, int] = {}
            for number, hashes in enumerate(self._hashes):
                if not (hashes == value).any():
                    continue
                for name in ids_of(number):
                    if _hash(name) == value and (first := first_with.setdefault(name, number)) != (
                        number
                    ):
                        return name, first, number
        return None
