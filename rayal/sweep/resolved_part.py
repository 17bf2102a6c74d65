"""The lists of a part of a sweep, with every component found and its parameters bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from rayal.registry import STRATEGIES
from rayal.requirements import FROM_LEARNER
from rayal.sweep.definition import Spec


@dataclass(frozen=True)
class ResolvedPart:
    """The lists of a part with every component found and its parameters bound.

    seeds: how many for each strategy.
    """

    encoders: list[Spec]
    initial: list[Spec] | None
    strategies: list[Spec]
    learners: list[Spec]
    seeds: dict[str, int]
    scorer: str

    def scorer_of(self, first: Spec) -> str:
        """What lends a first query predictions: nothing where it needs none."""
        needs = STRATEGIES.find(first.name).traits.needs(first.params)
        return self.scorer if needs & FROM_LEARNER else ""

    def queries(self) -> Iterator[tuple[Spec, Spec]]:
        """First and later strategy of each trial."""
        if self.initial is None:
            return ((spec, spec) for spec in self.strategies)
        return product(self.initial, self.strategies)

    def first_strategies(self) -> list[Spec]:
        """Strategies that make first queries."""
        return self.strategies if self.initial is None else self.initial

    def all_strategies(self) -> list[Spec]:
        """Strategies of first and of later queries."""
        return [*(self.initial or []), *self.strategies]

    def all_encoders(self) -> list[Spec]:
        """Encoders of trials, and those that strategies select on, once each."""
        lent = (spec.select_on for spec in self.all_strategies() if spec.select_on)
        return list({repr(spec): spec for spec in (*self.encoders, *lent)}.values())

    def all_learners(self) -> list[Spec]:
        """Learners of trials, and those that score for strategies, once each."""
        lent = (spec.scored_by for spec in self.all_strategies() if spec.scored_by)
        return list({repr(spec): spec for spec in (*self.learners, *lent)}.values())

    def combinations(self) -> int:
        """How many trials one dataset, schedule and seed has."""
        return len(self.strategies) * self._trials_of_a_later_strategy()

    def trials_of_a_schedule(self) -> int:
        """How many trials one dataset and schedule has, of all seeds."""
        seeds = sum(self.seeds[spec.name] for spec in self.strategies)
        return seeds * self._trials_of_a_later_strategy()

    def _trials_of_a_later_strategy(self) -> int:
        """How many trials one dataset, schedule, seed and strategy of later queries has."""
        first = 1 if self.initial is None else len(self.initial)
        return first * len(self.encoders) * len(self.learners)
