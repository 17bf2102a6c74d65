"""What `prune` compares: strategies beside random selection, trial by trial of the same seed.

A cell is a dataset, encoder, learner and schedule, and in cycles an initial strategy. In each cell
a strategy is held against random selection there. Random selection itself, whatever its parameters,
is never stopped, and nor is what has seen labels that are not revealed: both are what others are
held against. A comparison is none of the family where the two share too few seeds for a stop to
spare a trial.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from rayal.hints import counted
from rayal.kernels.sequential_sign_test import fewest_pairs
from rayal.sweep.definition import Trial
from rayal.sweep.errors import SweepError
from rayal.sweep.plan import Plan

RANDOM = "random"  # the plain name of what others are held against


@dataclass(frozen=True)
class Comparison:
    """Trials of a strategy and of random selection in one cell, by seed."""

    strategy: Mapping[int, Trial]
    random: Mapping[int, Trial]

    @cached_property
    def seeds(self) -> list[int]:
        """The seeds that both have, in the order in which their pairs are looked at."""
        return sorted(self.strategy.keys() & self.random.keys())


class Family(NamedTuple):
    """All comparisons of a sweep, and what a stop takes in each of them.

    needed: evidence. fewest: pairs, all of them lost.
    """

    comparisons: list[Comparison]
    level: float
    min_pairs: int
    needed: float
    fewest: int

    @property
    def most_spared(self) -> int:
        """How many trials are spared where every strategy loses every pair."""
        return sum(
            len(comparison.strategy) - self.fewest
            for comparison in self.comparisons
            if len(comparison.seeds) >= self.fewest
        )


def family_of(plan: Plan) -> Family | None:
    """Return what a plan compares in order to prune; None where it does not prune.

    Raises:
        SweepError: it asks for pruning, and no strategy has random selection beside it.
    """
    prune = plan.sweep.prune
    if prune is None:
        return None
    every = list(_comparisons(plan))
    if not every:
        raise SweepError(
            f"sweep '{plan.sweep.name}': prune: paired holds strategies against random selection "
            "of the same seeds, and none has it beside it: add random to the strategies, or take "
            "prune out"
        )
    # With `min_pairs` seeds or fewer there is nothing left to spare when a stop is first possible.
    long_enough = [comparison for comparison in every if len(comparison.seeds) > prune.min_pairs]
    each = prune.level / max(
        1, len(long_enough)
    )  # Bonferroni: the level is that of the whole family
    fewest = max(prune.min_pairs, fewest_pairs(each))
    return Family(long_enough, prune.level, prune.min_pairs, 1 / each, fewest)


def in_words(family: Family, trials: int) -> str:
    """Say what pruning may do to a plan of so many trials."""
    count = len(family.comparisons)
    if not family.most_spared:
        seeds = max((len(comparison.seeds) for comparison in family.comparisons), default=0)
        most = f"the most here are {seeds}" if seeds else f"none has more than {family.min_pairs}"
        return (
            f"prune: nothing can be stopped: it takes {family.fewest} seeds that a strategy shares "
            f"with random, all lost, and one more to spare; {most}"
        )
    return (
        f"prune: may stop a strategy where it loses to random in pairs of the same seed: "
        f"{counted(count, 'comparison')} of a strategy in a cell, level {family.level:g} over all "
        f"of them, after {family.fewest} pairs at the soonest; spares at most "
        f"{family.most_spared:,} of {trials:,} trials"
    )


def _comparisons(plan: Plan) -> Iterator[Comparison]:
    baseline = _baseline(plan)
    cells: dict[object, dict[str, dict[int, Trial]]] = {}
    for trial in plan.trials:
        if _competes(plan, trial):
            label = plan.names(trial)["strategy"].label
            cells.setdefault(_cell(trial), {}).setdefault(label, {})[trial.seed] = trial
    for strategies in cells.values():
        random = strategies.get(baseline, {})
        for label, trials in strategies.items():
            others = label != baseline and next(iter(trials.values())).strategy.name != RANDOM
            if others and trials.keys() & random.keys():
                yield Comparison(trials, random)


def _baseline(plan: Plan) -> str:
    """Return the label of random selection with the fewest switches on, as the report does."""
    randoms = [
        named for trial in plan.trials if (named := plan.names(trial)["strategy"]).plain == RANDOM
    ]
    return min(randoms, key=lambda named: named.switched_on).label if randoms else ""


def _competes(plan: Plan, trial: Trial) -> bool:
    definition = plan.definitions[trial.id]
    return not any(definition[kind].get("oracle") for kind in ("initial", "strategy"))


def _cell(trial: Trial) -> object:
    initial = "" if len(trial.schedule) == 1 else repr(trial.initial)
    return trial.embedding_id, repr(trial.learner), trial.schedule, initial


def trials_compared(comparisons: Iterable[Comparison]) -> dict[str, Trial]:
    """Return the trials whose records the comparisons need, by id."""
    return {
        trial.id: trial
        for comparison in comparisons
        for seed in comparison.seeds
        for trial in (comparison.strategy[seed], comparison.random[seed])
    }
