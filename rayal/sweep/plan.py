"""Sweep -> Plan: the trials of a sweep, with all of its rules checked.

Every name is resolved, every parameter bound and every rule checked before anything is computed.
The plan is then a value: trials that can be counted, printed, compared with what lies on disk, run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import Any

from rayal.registry import ENCODERS, LEARNERS, STRATEGIES
from rayal.requirements import FROM_LEARNER
from rayal.sweep import entries, rules
from rayal.sweep.budgets import equal_budgets, schedules, seed_counts
from rayal.sweep.dataset_info import DatasetInfo, DatasetLoader
from rayal.sweep.definition import Spec, Trial, encoding_stages, marked_definition
from rayal.sweep.errors import Mistakes
from rayal.sweep.file import Sweep
from rayal.sweep.names import Named, Names
from rayal.sweep.notes import component_notes
from rayal.sweep.plugins import import_plugins
from rayal.sweep.schema import Part

LARGEST_BATCH = 32  # trials that one worker takes together, at most
BATCH_BYTES = 2**28  # that their predictions fill, at most


@dataclass(frozen=True)
class Plan:
    """A sweep worked out: its trials in the order they run, without repeats."""

    sweep: Sweep
    trials: tuple[Trial, ...]
    datasets: Mapping[str, DatasetInfo]  # by name
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by embedding id
    # What sweep.earlier finds out: contents that trials of earlier versions are taken to have, by
    # id; the files behind each hash; definitions of trials that were made by other contents.
    assumed: Mapping[str, Any] = field(default_factory=dict)
    paths: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    superseded: Mapping[str, Any] = field(default_factory=dict)
    repeats: tuple[str, ...] = ()  # which entries, budgets and seeds are one, in sentences

    @cached_property
    def embeddings(self) -> dict[str, Trial]:
        """Embedding ids, each with a trial on it, in the order in which they are needed."""
        return {key: stage.trial for key, stage in encoding_stages(self.trials).items()}

    @cached_property
    def definitions(self) -> dict[str, dict[str, Any]]:
        """Definitions of the trials by id, with marks, as plan.json has them."""
        return {
            trial.id: {**marked_definition(trial), **self._marks(trial)} for trial in self.trials
        }

    def _marks(self, trial: Trial) -> dict[str, Any]:
        """What tells a trial from the same one made by other files or plugins."""
        if trial.id in self.assumed:
            return {"assumed": self.assumed[trial.id]}
        named = trial.without_contents().id
        return {} if named == trial.id else {"named": named}

    def names(self, trial: Trial) -> dict[str, Named]:
        """Names of a trial's components by kind, as they are told apart in this plan.

        Of a trial by which an embedding is asked for, too.
        """
        return self._names.of(self.definitions.get(trial.id) or marked_definition(trial))

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
            "measure": self.sweep.measure,
            "command": command,
            "versions": dict(versions),
            "datasets": {name: data.as_json() for name, data in self.datasets.items()},
            "artefacts": {
                key: {**_embedding_json(trial), "notes": list(self.notes.get(key, ()))}
                for key, trial in self.embeddings.items()
            },
            "trials": self.definitions,
            **({"contents": dict(self.paths)} if self.paths else {}),
            **({"superseded": dict(self.superseded)} if self.superseded else {}),
        }

    def batches(self, trials: Sequence[Trial], workers: int) -> list[list[Trial]]:
        """Group trials on one embedding that a learner takes quicker together than alone.

        A batch is short where predictions of its trials would fill memory, and where some of so
        many workers would go without. A learner that has no quicker way has batches of one.
        """
        groups: dict[Any, list[Trial]] = {}
        for trial in trials:
            batched = LEARNERS.find(trial.learner.name).traits.fit_batched
            key = (json.dumps(trial.learner.as_json()), trial.schedule) if batched else trial.id
            groups.setdefault(key, []).append(trial)
        return [part for group in groups.values() for part in self._cut(group, workers)]

    def _cut(self, group: list[Trial], workers: int) -> Iterator[list[Trial]]:
        data = self.datasets[group[0].dataset_name]
        predictions = 4 * (data.train + data.test) * len(data.classes)
        size = min(LARGEST_BATCH, BATCH_BYTES // predictions, math.ceil(len(group) / (2 * workers)))
        size = max(size, 1)
        return (group[start : start + size] for start in range(0, len(group), size))


def _embedding_json(trial: Trial) -> dict[str, Any]:
    gives = ENCODERS.find(trial.encoder.name).traits.gives(trial.encoder.params)
    return {
        "dataset": trial.dataset_name,
        "encoder": trial.encoder.as_json(),
        "has_map": "map" in gives,
    }


def make_plan(sweep: Sweep, *, absent_data: bool = False) -> Plan:
    """Work out the trials of a sweep; every rule is checked here.

    absent_data: take published sizes where files are missing (a plan to look at, not to run).

    Raises:
        SweepError: names, parameters, budgets or combinations are refused, or data are missing; the
            message has all of them.
    """
    mistakes = Mistakes(f"sweep '{sweep.name}'")
    import_plugins(sweep.plugins, mistakes)
    mistakes.raise_if_any()  # what plugins were to register would be missed below
    for learner in sweep.resources.trials_of:
        with mistakes.gather():
            LEARNERS.find(learner)
    planner = _Planner(DatasetLoader(absent_data), mistakes)
    trials: dict[str, Trial] = {}
    for label, part in sweep.parts.items():
        for trial in planner.trials(label, part):
            trials.setdefault(trial.id, _recorded(trial, sweep))
    with mistakes.gather():
        rules.check_measure(sweep.measure, planner.datasets.values())
    for stage in encoding_stages(trials.values()).values():
        with mistakes.gather():
            rules.check_processes(stage.trial.encoder, sweep.resources.pretrain)
    mistakes.raise_if_any()
    notes: dict[str, tuple[str, ...]] = {}
    with mistakes.gather():
        notes |= component_notes(trials.values(), planner.datasets)
    mistakes.raise_if_any()
    repeats = tuple(planner.repeats)
    return Plan(sweep, tuple(trials.values()), planner.datasets, notes, repeats=repeats)


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
        first = 1 if self.initial is None else len(self.initial)
        return first * len(self.strategies) * len(self.encoders) * len(self.learners)

    def trials_of_a_schedule(self) -> int:
        """How many trials one dataset and schedule has, of all seeds."""
        each = sum(self.seeds[spec.name] for spec in self.strategies)
        first = 1 if self.initial is None else len(self.initial)
        return each * first * len(self.encoders) * len(self.learners)


def _recorded(trial: Trial, sweep: Sweep) -> Trial:
    """Return the trial with what the sweep asks to be recorded besides.

    Planes of one seed are enough to look at, and take long.
    """
    planes = sweep.record_embeddings if trial.seed == 0 else 0
    if not (sweep.record_losses or planes):
        return trial
    return replace(trial, record_losses=sweep.record_losses, record_embeddings=planes)


class _Planner:
    """Works out the parts of one sweep; what is wrong is noted, and yields no trials."""

    def __init__(self, load: DatasetLoader, mistakes: Mistakes) -> None:
        self.datasets: dict[str, DatasetInfo] = {}
        self.repeats: dict[str, None] = {}
        self._load, self._mistakes = load, mistakes

    def trials(self, label: str, part: Part) -> Iterator[Trial]:
        """Yield the trials of a part; none once anything in the sweep is wrong."""
        gather = self._mistakes.gather
        with gather():
            rules.check_shape(label, part)
        resolved = self._resolve(part)
        try:
            rules.check_size(label, part, resolved.combinations())
        except ValueError as error:
            self._mistakes.add(str(error))
            return
        self._check_combinations(resolved)
        loaded: list[Spec] = []
        for entry in entries.distinct(part.datasets, "datasets", self._mistakes):
            with gather():
                spec, data = self._load(entry)
                loaded.append(spec)
                rules.check_one_of_a_name(self.datasets.get(data.name), data)
                self.datasets[data.name] = data
                self._check_on_dataset(resolved, data)
                scheduled = schedules(part, data, self._mistakes)
                rules.check_rounds(label, scheduled, resolved.trials_of_a_schedule())
                self._check_reserved(resolved, data, scheduled)
            if not self._mistakes:
                self.repeats |= dict.fromkeys(equal_budgets(part, data))
                yield from _dataset_trials(resolved, spec, data, scheduled)

        self.repeats |= dict.fromkeys(entries.equal_trainings(resolved.encoders))
        self._note_equal("datasets", loaded)
        for key in ("strategies", "initial", "learners"):
            self._note_equal(key, getattr(resolved, key) or ())

    def _note_equal(self, where: str, specs: Sequence[Spec]) -> None:
        self.repeats |= dict.fromkeys(entries.equal_entries(where, specs))

    def _resolve(self, part: Part) -> ResolvedPart:
        noted = self._mistakes
        strategies = entries.resolve(part.strategies, STRATEGIES, noted)
        initial = entries.resolve(part.initial, STRATEGIES, noted) if part.initial else None
        return ResolvedPart(
            encoders=entries.resolve_encoders(part.encoders, noted),
            initial=initial,
            strategies=strategies,
            learners=entries.resolve(part.learners, LEARNERS, noted),
            seeds=seed_counts(part.seeds, [entry.name for entry in part.strategies], noted),
            scorer=part.scorer or "",
        )

    def _check_combinations(self, resolved: ResolvedPart) -> None:
        for encoder, learner in product(resolved.encoders, resolved.learners):
            with self._mistakes.gather():
                rules.check_learner(learner, encoder)
        for (first, later), encoder, learner in product(
            resolved.queries(), resolved.encoders, resolved.learners
        ):
            with self._mistakes.gather():
                rules.check_query(first, encoder, learner, first=not resolved.scorer)
            if resolved.initial is not None:
                with self._mistakes.gather():
                    rules.check_query(later, encoder, learner, first=False)

    def _check_on_dataset(self, resolved: ResolvedPart, data: DatasetInfo) -> None:
        gather, absent = self._mistakes.gather, self._load.absent_data
        for encoder in resolved.all_encoders():
            with gather():
                rules.check_component(ENCODERS, encoder, data, absent=absent)
                rules.check_several_classes(ENCODERS, encoder, data)
                rules.check_encoder_reads(encoder, data)
        for learner in resolved.all_learners():
            with gather():
                rules.check_component(LEARNERS, learner, data, absent=absent)
            with gather():
                rules.check_validation_set(learner, data)
            with gather():
                rules.check_several_classes(LEARNERS, learner, data)
                rules.check_pixels(LEARNERS, learner, data)
        for strategy in resolved.all_strategies():
            with gather():
                rules.check_several_classes(STRATEGIES, strategy, data)
                rules.check_pixels(STRATEGIES, strategy, data)
        for strategy, encoder in product(resolved.all_strategies(), resolved.encoders):
            with gather():
                read = strategy.select_on or encoder
                rules.check_component(STRATEGIES, strategy, data, read, absent=absent)

    def _check_reserved(
        self, resolved: ResolvedPart, data: DatasetInfo, scheduled: Sequence[tuple[int, ...]]
    ) -> None:
        for first in resolved.first_strategies():
            with self._mistakes.gather():
                rules.check_reserved(first, data, max((s[0] for s in scheduled), default=0))


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
                    _without_own(first, encoder, learner),
                    _without_own(later, encoder, learner),
                    learner,
                    schedule,
                    seed,
                    resolved.scorer_of(first),
                )


def _without_own(query: Spec, encoder: Spec, learner: Spec) -> Spec:
    """Return a strategy that names the trial's own encoder or learner as one that does not."""
    own = {"select_on": encoder, "scored_by": learner}
    for key, lent in query.borrowed.items():
        if lent == own[key]:
            query = query.without(key)
    return query
