"""Strategies that chose the same images in all of their trials: one line, one row, one test.

A strategy may be another one by its definition, such as a first query that waits for predictions
and falls back on k-means. Its results are the other's to the digit; beside one another they would
look like two that agree, and a correction over all comparisons would count them twice. Which ones
are the same is read off the records, never off names: a run says itself what its strategies chose.

Three roles are looked at apart: strategies of single queries, and in cycles those of the first and
of later queries. Random selection and oracles stay by themselves, as what others are held against.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import pandas as pd

from analysis.study.grouping import CYCLES, SETTING, SINGLE, query_modes
from analysis.study.stopped import SPARED
from analysis.study.wording import enumerated

JOINED = " / "
STATUS = ("done", "failed", "missing", SPARED)  # whose trial stands for those of the same choice
Cells: TypeAlias = Mapping[tuple[Any, ...], Mapping[int, str]]  # the choice of each seed


class _Role(NamedTuple):
    """Which rows are of a role, the column with its names, and what else tells its cells apart."""

    words: str
    mode: str
    column: str
    keys: tuple[str, ...]


SINGLE_QUERY = _Role("single query", SINGLE, "strategy", ())
FIRST_QUERY = _Role("first query", CYCLES, "initial", ())
LATER_QUERY = _Role("later query", CYCLES, "strategy", ("initial", "rounds", "round"))
ROLES = (SINGLE_QUERY, FIRST_QUERY, LATER_QUERY)


class SameChoice(NamedTuple):
    """Labels of strategies that chose the same images in a role, and over how many queries."""

    role: str
    names: tuple[str, ...]
    queries: int

    @property
    def label(self) -> str:
        """The name under which they are shown."""
        return JOINED.join(self.names)

    @property
    def in_words(self) -> str:
        """The sentence that says so."""
        return (
            f"{enumerated(self.names)} chose the same images in each {self.role} that they share, "
            f"{self.queries:,} in all: they are shown and tested once, as “{self.label}”."
        )


@dataclass(frozen=True)
class SameChoices:
    """All groups of strategies that chose the same images in a study."""

    groups: tuple[SameChoice, ...]

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Put the joint names into `initial` and `strategy` of a frame with labels."""
        if not self.groups:
            return frame
        single = query_modes(frame) == SINGLE
        of_single, of_first, of_later = (self._names[role.words] for role in ROLES)
        initial, strategy = frame["initial"], frame["strategy"]
        return frame.assign(
            initial=initial.replace(of_single).where(single, initial.replace(of_first)),
            strategy=strategy.replace(of_single).where(single, strategy.replace(of_later)),
        )

    def trials_once(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Put the joint names into trials, and keep one of those that made the same choice.

        Args:
            trials: a row a trial: labels, schedule, seed, status. A finished trial stands for
                one that is not.
        """
        named = self.named(trials)
        joint = {group.label for group in self.groups}
        shared = named["initial"].isin(joint) | named["strategy"].isin(joint)
        keys = [*SETTING, "initial", "strategy", "schedule", "seed"]
        ordered = named[shared].sort_values(
            "status", key=lambda status: status.map(STATUS.index), kind="stable"
        )
        repeated = ordered.index[ordered.duplicated(keys)]
        return named.drop(index=repeated)

    @cached_property
    def _names(self) -> Mapping[str, dict[str, str]]:
        names: dict[str, dict[str, str]] = {role.words: {} for role in ROLES}
        for group in self.groups:
            names[group.role] |= dict.fromkeys(group.names, group.label)
        return names


def same_choices(rounds: pd.DataFrame, apart: Collection[str]) -> SameChoices:
    """Find the strategies that chose the same images wherever they were asked.

    They were asked in the same cells (setting, number of labels; of later queries also the first
    query), and chose the same with each seed that both have, one in each cell at least.

    Args:
        rounds: under labels, with `choice`.
        apart: labels that stay by themselves.
    """
    pairs = (
        group
        for role in ROLES
        for group in _of_role(role, _rows_of(rounds, role), apart)
        if len(group.names) > 1
    )
    return SameChoices(tuple(pairs))


def _rows_of(rounds: pd.DataFrame, role: _Role) -> pd.DataFrame:
    later = rounds["round"] > 0 if role is LATER_QUERY else rounds["round"] == 0
    rows: pd.DataFrame = rounds[(query_modes(rounds) == role.mode) & later]
    return rows


def _of_role(role: _Role, rows: pd.DataFrame, apart: Collection[str]) -> Iterator[SameChoice]:
    """Yield each strategy with those after it that chose as it did."""
    keys = [*SETTING, *role.keys, "labelled"]
    left = {
        str(name): _cells(part, keys)
        for name, part in rows.groupby(role.column, sort=False)
        if name not in apart
    }
    while left:
        name = next(iter(left))
        own = left.pop(name)
        same = [other for other, cells in left.items() if _equal(own, cells)]
        others = [left.pop(other) for other in same]
        yield SameChoice(role.words, (name, *same), _shared(own, others))


def _shared(own: Cells, others: Sequence[Cells]) -> int:
    """Count the queries of a strategy that one of the others made too."""
    return sum(
        any(seed in other[cell] for other in others)
        for cell, seeds in own.items()
        for seed in seeds
    )


def _cells(rows: pd.DataFrame, keys: list[str]) -> Cells:
    cells: dict[tuple[Any, ...], dict[int, str]] = {}
    columns = (rows[key].to_numpy(object) for key in (*keys, "seed", "choice"))
    for *cell, seed, choice in zip(*columns, strict=True):
        cells.setdefault(tuple(cell), {})[seed] = choice
    return cells


def _equal(one: Cells, other: Cells) -> bool:
    return one.keys() == other.keys() and all(
        any(seed in other[cell] for seed in seeds)
        and all(other[cell].get(seed, choice) == choice for seed, choice in seeds.items())
        for cell, seeds in one.items()
    )
