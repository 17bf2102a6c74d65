"""Stops a strategy that loses to random selection in pairs of the same seed, as trials end.

The driver alone decides, and from records alone: pairs are looked at in the order of their seeds,
each when both of its trials have ended, so that what is stopped after which pair depends neither on
the order in which trials end nor on how often the run was interrupted. A trial that failed makes no
pair, and trials in which the same images were chosen make one pair: who draws nothing would else be
stopped for one unlucky choice, which is the same with every seed. What workers have begun is let
finish.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from rayal.events.listener import Listener
from rayal.events.outcome import Outcome
from rayal.kernels.sequential_sign_test import evidence_of_losing
from rayal.run.batches import batches_of
from rayal.storage.choices import Choice
from rayal.storage.files import DamagedError
from rayal.storage.formats import Record
from rayal.storage.run import RunStore
from rayal.storage.stopped import Stopped, save_pruning
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan
from rayal.sweep.pruning import Comparison, Family, family_of, trials_compared

SEEDS_AT_ONCE = 2  # of a strategy that may be stopped, in one batch


class Pruner:
    """Stops nothing: what a sweep without `prune` has."""

    stops_nothing = True

    def batches(self, plan: Plan, trials: Sequence[Trial], workers: int) -> list[list[Trial]]:
        """Put trials that share their embeddings into batches, in the order in which they run."""
        return batches_of(plan, trials, workers)

    def is_spared(self, trial_id: str) -> bool:
        """Whether a trial is not to be run."""
        return False

    def begun(self, trial_ids: Iterable[str]) -> None:
        """Trials are given out: they run to their ends, whatever is stopped."""

    def ended(self, outcome: Outcome) -> None:
        """A trial has ended, well or not."""

    def kept(self, trials: Sequence[Trial]) -> list[Trial]:
        """Return the trials that are to be run."""
        return [trial for trial in trials if not self.is_spared(trial.id)]


NO_PRUNING = Pruner()


def make_pruner(plan: Plan, store: RunStore, events: Listener) -> Pruner:
    """Return what stops strategies of a plan; what records have shown is stopped at once."""
    family = family_of(plan)
    return NO_PRUNING if family is None else PairedPruner(plan, family, store, events)


class Score(NamedTuple):
    """The primary measure of a trial: its mean over the rounds compared, and at the last.

    In cycles the first round is left out, in which both trials of a pair chose the same images. NaN
    where a round has none, and of a trial that failed. choice: the same for trials in which the
    same images were chosen, query by query; "" where a record does not say which.
    """

    mean: float
    last: float
    choice: str = ""


NO_SCORE = Score(math.nan, math.nan)


class PairedPruner(Pruner):
    """Looks at each comparison when a trial of it has ended."""

    stops_nothing = False

    def __init__(self, plan: Plan, family: Family, store: RunStore, events: Listener) -> None:
        self._plan, self._family, self._store, self._events = plan, family, store, events
        self._trials = trials_compared(family.comparisons)
        self._stoppable = {
            t.id for comparison in family.comparisons for t in comparison.strategy.values()
        }
        self._with: dict[str, list[Comparison]] = {}  # comparisons by the ids of their trials
        for comparison in family.comparisons:
            for seed in comparison.seeds:
                for trial in (comparison.strategy[seed], comparison.random[seed]):
                    self._with.setdefault(trial.id, []).append(comparison)
        self._begun: set[str] = set()
        self._spared: set[str] = set()
        self._stopped: list[Stopped] = []
        self._finished = store.finished()
        self._awaited: set[str] = set()  # ended, and their records are still on their way
        self._scores = dict(self._read([i for i in self._trials if i in self._finished]))
        self._look(family.comparisons)
        self._save()

    def batches(self, plan: Plan, trials: Sequence[Trial], workers: int) -> list[list[Trial]]:
        """Let pairs complete early: few seeds a batch, and low seeds first."""
        batches = batches_of(plan, trials, workers)
        parts = [part for batch in batches for part in self._by_few_seeds(batch)]
        return sorted(parts, key=lambda part: min(trial.seed for trial in part))

    def is_spared(self, trial_id: str) -> bool:
        return trial_id in self._spared

    def begun(self, trial_ids: Iterable[str]) -> None:
        self._begun.update(trial_ids)

    def ended(self, outcome: Outcome) -> None:
        if outcome.error:
            self._scores.setdefault(outcome.trial, NO_SCORE)
        else:
            self._finished.add(outcome.trial)
        new = [outcome.trial] if outcome.trial in self._trials else []
        read = dict(self._read([*self._awaited, *(i for i in new if i not in self._scores)]))
        self._awaited = (self._awaited | set(new)) - read.keys() - self._scores.keys()
        self._scores |= read
        looked = {
            id(comparison): comparison
            for i in (*new, *read)
            for comparison in self._with.get(i, ())
        }
        if self._look(looked.values()):
            self._save()

    def _by_few_seeds(self, batch: list[Trial]) -> Iterator[list[Trial]]:
        if not any(trial.id in self._stoppable for trial in batch):
            yield batch
            return
        seeds = sorted({trial.seed for trial in batch})
        for start in range(0, len(seeds), SEEDS_AT_ONCE):
            few_seeds = set(seeds[start : start + SEEDS_AT_ONCE])
            yield [trial for trial in batch if trial.seed in few_seeds]

    def _read(self, trial_ids: Sequence[str]) -> Iterator[tuple[str, Score]]:
        """Yield the scores of finished trials whose records are there."""
        for name in trial_ids:
            try:
                if self._store.has_record(name):
                    yield name, score_of(self._store.record(name), self._plan.sweep.measure)
            except DamagedError:  # the next start sets it aside, and runs its trial again
                continue

    def _look(self, comparisons: Iterable[Comparison]) -> bool:
        """Stop what has lost by now; return whether anything was."""
        any_stopped = False
        for comparison in comparisons:
            ids = [trial.id for trial in comparison.strategy.values()]
            left = [i for i in ids if not self._is_decided(i)]
            if left and (verdict := self._verdict(comparison)):
                self._stop(comparison, verdict, ids, left)
                any_stopped = True
        return any_stopped

    def _is_decided(self, trial_id: str) -> bool:
        """Whether nothing is left to spare of a trial."""
        return any(trial_id in decided for decided in (self._finished, self._begun, self._spared))

    def _verdict(self, comparison: Comparison) -> Verdict | None:
        pairs: list[tuple[Score, Score]] = []
        for seed in comparison.seeds:
            strategy, random = (
                self._scores.get(of[seed].id) for of in (comparison.strategy, comparison.random)
            )
            if strategy is None or random is None:
                break
            pairs.append((strategy, random))
        return first_loss(pairs, self._family.needed, self._family.min_pairs)

    def _stop(
        self, comparison: Comparison, verdict: Verdict, ids: list[str], left: list[str]
    ) -> None:
        trial = next(iter(comparison.strategy.values()))
        labels = {kind: named.label for kind, named in self._plan.names(trial).items()}
        stopped = Stopped(
            dataset=labels["dataset"],
            encoder=labels["encoder"],
            learner=labels["learner"],
            initial=labels["initial"],
            strategy=labels["strategy"],
            schedule=list(trial.schedule),
            measure=self._plan.sweep.measure,
            pairs=verdict.pairs,
            lost=verdict.lost,
            won=verdict.won,
            evidence=verdict.evidence,
            needed=self._family.needed,
            difference=verdict.difference,
            trials=ids,
            spared=left,
        )
        self._stopped.append(stopped)
        self._spared.update(left)
        self._events.strategy_stopped(stopped)

    def _save(self) -> None:
        family = self._family
        save_pruning(
            self._store.root,
            {
                "level": family.level,
                "comparisons": len(family.comparisons),
                "stopped": self._stopped,
            },
        )


class Verdict(NamedTuple):
    """After how many pairs a strategy was stopped, and what they said; as of `Stopped`."""

    pairs: int
    lost: int
    won: int
    evidence: float
    difference: float


def score_of(record: Record, measure: str) -> Score:
    """Return what pairs are compared by of a finished trial."""
    rounds = record["rounds"]
    values = [_number(row.get(measure)) for row in (rounds[1:] or rounds)]
    return Score(sum(values) / len(values), values[-1], _choice_of(record))


def _choice_of(record: Record) -> str:
    queries = [row.get("selected", ()) for row in record["rounds"]]
    choice = Choice()
    names = [choice.after(images) for images in queries]
    return names[-1] if all(queries) else ""


def first_loss(
    pairs: Sequence[tuple[Score, Score]], needed: float, min_pairs: int
) -> Verdict | None:
    """Return the first point, pair by pair, at which a strategy is known to lose; None without.

    There the evidence is what is needed, and besides both its mean over the rounds and its last
    round are on average below random's: who loses most pairs by little and wins a few by much goes
    on, and so does who has caught up at the last round.

    Args:
        pairs: scores of the strategy and of random selection, in the order of their seeds; those in
            which one is NaN, or made a choice that it had made before, count for nothing.
        needed: evidence.
        min_pairs: that count, at the least.
    """
    known = list(_of_new_choices((s, r) for s, r in pairs if math.isfinite(s.mean - r.mean)))
    means = [s.mean - r.mean for s, r in known]
    sums = zip(accumulate(means), accumulate(s.last - r.last for s, r in known), strict=True)
    lost = won = 0
    for count, (difference, (of_means, of_last)) in enumerate(zip(means, sums, strict=True), 1):
        lost, won = lost + (difference < 0), won + (difference > 0)
        evidence = evidence_of_losing(won, lost)
        if count >= min_pairs and evidence >= needed and of_means < 0 and of_last < 0:
            return Verdict(count, lost, won, evidence, of_means / count)
    return None


def _of_new_choices(pairs: Iterable[tuple[Score, Score]]) -> Iterator[tuple[Score, Score]]:
    """Yield the pairs of which neither side made its choice in one that was yielded."""
    of_strategy: set[str] = set()
    of_random: set[str] = set()
    for strategy, random in pairs:
        if strategy.choice in of_strategy or random.choice in of_random:
            continue
        of_strategy.update(filter(None, [strategy.choice]))
        of_random.update(filter(None, [random.choice]))
        yield strategy, random


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan
