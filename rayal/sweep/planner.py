"""The trials of a sweep's parts, with the rules of each checked; what is wrong is noted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from rayal.registry import ENCODERS, LEARNERS, STRATEGIES
from rayal.sweep import entries, rules
from rayal.sweep.budgets import equal_budgets, schedules, seed_counts
from rayal.sweep.dataset_info import DatasetInfo, DatasetLoader
from rayal.sweep.definition import Spec, Trial
from rayal.sweep.entries import Entry
from rayal.sweep.errors import Mistakes
from rayal.sweep.resolved_part import ResolvedPart
from rayal.sweep.schema import Part


class Planner:
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
                spec, data, scheduled = self._on_dataset(label, part, resolved, entry)
                loaded.append(spec)
            if not self._mistakes:
                self.repeats |= dict.fromkeys(equal_budgets(part, data))
                yield from _dataset_trials(resolved, spec, data, scheduled)
        self._note_all_equal(resolved, loaded)

    def _on_dataset(
        self, label: str, part: Part, resolved: ResolvedPart, entry: Entry
    ) -> tuple[Spec, DatasetInfo, list[tuple[int, ...]]]:
        """Load a dataset and check all that a part has on it; return also its schedules."""
        spec, data = self._load(entry)
        rules.check_one_of_a_name(self.datasets.get(data.name), data)
        self.datasets[data.name] = data
        self._check_on_dataset(resolved, data)
        scheduled = schedules(part, data, self._mistakes)
        rules.check_rounds(label, scheduled, resolved.trials_of_a_schedule())
        self._check_reserved(resolved, data, scheduled)
        return spec, data, scheduled

    def _note_all_equal(self, resolved: ResolvedPart, datasets: Sequence[Spec]) -> None:
        self.repeats |= dict.fromkeys(entries.equal_trainings(resolved.encoders))
        self._note_equal("datasets", datasets)
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
                    dataset=spec,
                    dataset_name=data.name,
                    content=data.content,
                    encoder=encoder,
                    initial=_without_own(first, encoder, learner),
                    strategy=_without_own(later, encoder, learner),
                    learner=learner,
                    schedule=schedule,
                    seed=seed,
                    scorer=resolved.scorer_of(first),
                )


def _without_own(query: Spec, encoder: Spec, learner: Spec) -> Spec:
    """Return a strategy that names the trial's own encoder or learner as one that does not."""
    own = {"select_on": encoder, "scored_by": learner}
    for key, lent in query.borrowed.items():
        if lent == own[key]:
            query = query.without(key)
    return query
