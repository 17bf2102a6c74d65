"""Sweep -> Plan: the trials of a sweep, with all of its rules checked.

Every name is resolved, every parameter bound and every rule checked before anything is computed.
The plan is then a value: trials that can be counted, printed, compared with what lies on disk, run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import Any

from rayal.registry import ENCODERS, LEARNERS, STRATEGIES, load_plugins, nearest
from rayal.requirements import FROM_LEARNER
from rayal.sweep import entries, rules
from rayal.sweep.budgets import schedules
from rayal.sweep.dataset_info import DatasetInfo, load_dataset_info
from rayal.sweep.definition import Spec, Trial, group_by_embedding, marked_definition
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Part, Sweep
from rayal.sweep.names import Named, Names
from rayal.sweep.notes import component_notes

BUNDLE = 32  # trials that one worker takes together, at most
BUNDLE_BYTES = 2**28  # that their predictions fill, at most


@dataclass(frozen=True)
class Plan:
    """A sweep worked out: its trials in the order they run, without repeats."""

    sweep: Sweep
    trials: tuple[Trial, ...]
    datasets: Mapping[str, DatasetInfo]  # by name
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by embedding id

    @cached_property
    def embeddings(self) -> dict[str, Trial]:
        """Embedding ids, each with one of its trials, in the order in which they are needed."""
        return {key: trials[0] for key, trials in group_by_embedding(self.trials).items()}

    @cached_property
    def definitions(self) -> dict[str, dict[str, Any]]:
        """Definitions of the trials by id, with marks, as plan.json has them."""
        return {trial.id: marked_definition(trial) for trial in self.trials}

    def names(self, trial: Trial) -> dict[str, Named]:
        """Names of a trial's components by kind, as they are told apart in this plan."""
        return self._names.of(self.definitions[trial.id])

    @cached_property
    def _names(self) -> Names:
        return Names(self.definitions.values())

    def as_json(self, command: str, versions: Mapping[str, str]) -> dict[str, Any]:
        """The content of plan.json, but for its format.

        command: that was given, so that it can be given again. versions: of packages, by name.
        """
        return {
            "name": self.sweep.name,
            "question": self.sweep.question,
            "cost": self.sweep.cost,
            "expect": self.sweep.expect,
            "command": command,
            "versions": dict(versions),
            "datasets": {name: data.as_json() for name, data in self.datasets.items()},
            "artefacts": {
                key: {**_embedding_json(trial), "notes": list(self.notes.get(key, ()))}
                for key, trial in self.embeddings.items()
            },
            "trials": self.definitions,
        }

    def bundles(self, trials: Sequence[Trial], slots: int) -> list[list[Trial]]:
        """Group trials on one embedding that a learner takes quicker together than alone.

        A bundle is short where predictions of its trials would fill memory, and where workers
        (slots) would go without. A learner that has no quicker way has bundles of one.
        """
        groups: dict[Any, list[Trial]] = {}
        for trial in trials:
            batched = LEARNERS.find(trial.learner.name).facts.fit_batched
            key = (json.dumps(trial.learner.as_json()), trial.schedule) if batched else trial.id
            groups.setdefault(key, []).append(trial)
        return [part for group in groups.values() for part in self._parts(group, slots)]

    def _parts(self, group: list[Trial], slots: int) -> Iterator[list[Trial]]:
        data = self.datasets[group[0].dataset_name]
        predictions = 4 * (data.train + data.test) * len(data.classes)
        size = min(BUNDLE, BUNDLE_BYTES // predictions, math.ceil(len(group) / (2 * slots)))
        size = max(size, 1)
        return (group[start : start + size] for start in range(0, len(group), size))


def _embedding_json(trial: Trial) -> dict[str, Any]:
    gives = ENCODERS.find(trial.encoder.name).facts.gives(trial.encoder.params)
    return {
        "dataset": trial.dataset_name,
        "encoder": trial.encoder.as_json(),
        "has_map": "map" in gives,
    }


def make_plan(sweep: Sweep, *, absent_data: bool = False) -> Plan:
    """Work out the trials of a sweep; every rule is checked here.

    absent_data: take published sizes where files are missing (a plan to look at, not to run).

    Raises:
        SweepError: a name, parameter, budget or combination is refused, or data are missing.
    """
    try:
        load_plugins(sweep.plugins)
        datasets: dict[str, DatasetInfo] = {}
        trials: dict[str, Trial] = {}
        for label, part in sweep.parts.items():
            for trial in _part_trials(label, part, datasets, absent_data):
                trials.setdefault(trial.id, trial)
        notes = component_notes(trials.values(), datasets)
    except (ValueError, OSError) as error:
        raise SweepError(f"sweep '{sweep.name}': {error}") from error
    return Plan(sweep, tuple(trials.values()), datasets, notes)


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
        needs = STRATEGIES.find(first.name).facts.needs(first.params)
        return self.scorer if needs & FROM_LEARNER else ""

    def queries(self) -> list[tuple[Spec, Spec]]:
        """First and later strategy of each trial."""
        if self.initial is None:
            return [(spec, spec) for spec in self.strategies]
        return list(product(self.initial, self.strategies))


def _part_trials(
    label: str, part: Part, datasets: dict[str, DatasetInfo], absent_data: bool
) -> Iterator[Trial]:
    rules.check_shape(label, part)
    resolved = _resolve(part)
    for (first, later), encoder, learner in product(
        resolved.queries(), resolved.encoders, resolved.learners
    ):
        rules.check_learner(learner, encoder)
        rules.check_query(first, encoder, learner, first=part.scorer is None)
        rules.check_query(later, encoder, learner, first=False)
    for entry in entries.distinct(part.datasets, "datasets"):
        spec, data = load_dataset_info(entry, absent_data=absent_data)
        rules.check_one_of_a_name(datasets.get(data.name), data)
        datasets[data.name] = data
        _check_on_dataset(resolved, data, absent_data)
        yield from _dataset_trials(resolved, spec, data, schedules(part, data))


def _check_on_dataset(resolved: ResolvedPart, data: DatasetInfo, absent_data: bool) -> None:
    for encoder in resolved.encoders:
        rules.check_component(ENCODERS, encoder, data, absent=absent_data)
    for learner in resolved.learners:
        rules.check_component(LEARNERS, learner, data, absent=absent_data)
        rules.check_validation_set(learner, data)
    for queries, encoder in product(resolved.queries(), resolved.encoders):
        for strategy in queries:
            rules.check_component(STRATEGIES, strategy, data, encoder, absent=absent_data)
    for first, _ in resolved.queries():
        rules.check_reserved(first, data)


def _dataset_trials(
    resolved: ResolvedPart,
    spec: Spec,
    data: DatasetInfo,
    scheduled: Sequence[tuple[int, ...]],
) -> Iterator[Trial]:
    """Seeds outside all but encoders: a sweep cut short has every strategy at some seeds."""
    for encoder, seed in product(resolved.encoders, range(max(resolved.seeds.values()))):
        for learner, schedule, (first, later) in product(
            resolved.learners, scheduled, resolved.queries()
        ):
            if seed < resolved.seeds[later.name]:
                yield Trial(
                    spec,
                    data.name,
                    data.content,
                    encoder,
                    first,
                    later,
                    learner,
                    schedule,
                    seed,
                    resolved.scorer_of(first),
                )


def _resolve(part: Part) -> ResolvedPart:
    strategies = entries.resolve(part.strategies, STRATEGIES)
    return ResolvedPart(
        encoders=entries.resolve_encoders(part.encoders),
        initial=entries.resolve(part.initial, STRATEGIES) if part.initial else None,
        strategies=strategies,
        learners=entries.resolve(part.learners, LEARNERS),
        seeds=_seeds(part.seeds, strategies),
        scorer=part.scorer or "",
    )


def _seeds(seeds: int | dict[str, int], strategies: Sequence[Spec]) -> dict[str, int]:
    names = [spec.name for spec in strategies]
    counts = {"default": seeds} if isinstance(seeds, int) else seeds
    for name, count in counts.items():
        if name != "default":
            _check_known(name)
        if not 1 <= count <= 100_000:
            raise ValueError(f"seeds: {name}: {count} is out of bounds: give 1 to 100,000")
    missing = [name for name in names if name not in counts and "default" not in counts]
    if missing:
        raise ValueError(f"seeds: say how many for {', '.join(missing)}, or give a default")
    return {name: counts.get(name, counts.get("default", 0)) for name in names}


def _check_known(name: str) -> None:
    """One table of seeds may serve several parts: a strategy need not be in this one."""
    known = [*STRATEGIES.names(), "default"]
    if name not in known:
        raise ValueError(f"seeds: there is no strategy named '{name}'{nearest(name, known)}")
