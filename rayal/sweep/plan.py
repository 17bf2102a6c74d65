"""Sweep -> Plan: the trials of a sweep, all of its rules checked, and the identity of a trial.

Every name is resolved, every parameter bound and every rule checked before anything is computed.
The plan is then a value: trials that can be counted, printed, compared with what lies on disk, run.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from typing import Any

import numpy as np

from rayal.contracts import Dataset
from rayal.kernels.imbalance import name_suffix
from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Registry, load_plugins, nearest
from rayal.requirements import FROM_ENCODER, FROM_LEARNER, listed, remedies
from rayal.sweep.definition import Spec, Trial, group_by_embedding
from rayal.sweep.file import Amount, Cycles, Entry, Part, Sweep, SweepError

BUNDLE = 32  # trials that one worker takes together, at most
BUNDLE_BYTES = 2**28  # that their predictions fill, at most


@dataclass(frozen=True)
class DatasetFacts:
    """What a plan knows of a dataset: its size, classes and content."""

    name: str
    train: int
    test: int
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    content: str
    image_shape: tuple[int, ...]
    reserved: int = 0  # images set aside as first labels
    val: int = 0
    absent: str = ""  # why the files could not be read, in a plan that allows that


@dataclass(frozen=True)
class Plan:
    """A sweep worked out: its trials in the order they run, without repeats."""

    sweep: Sweep
    trials: tuple[Trial, ...]
    datasets: Mapping[str, DatasetFacts]  # by name

    @cached_property
    def embeddings(self) -> dict[str, Trial]:
        """Embedding ids, each with one of its trials, in the order in which they are needed."""
        return {key: trials[0] for key, trials in group_by_embedding(self.trials).items()}

    def bundles(self, trials: Sequence[Trial], slots: int) -> list[list[Trial]]:
        """Group trials on one encoder stage that a learner takes quicker together than alone.

        A bundle is short where predictions of its trials would fill memory, and where workers
        (slots) would go without. A learner that has no quicker way has bundles of one.
        """
        groups: dict[Any, list[Trial]] = {}
        for trial in trials:
            many = LEARNERS.find(trial.learner.name).facts.many
            key = (json.dumps(trial.learner.as_json()), trial.schedule) if many else trial.id
            groups.setdefault(key, []).append(trial)
        return [part for group in groups.values() for part in self._parts(group, slots)]

    def _parts(self, group: list[Trial], slots: int) -> Iterator[list[Trial]]:
        facts = self.datasets[group[0].dataset_name]
        predictions = 4 * (facts.train + facts.test) * len(facts.classes)
        size = min(BUNDLE, BUNDLE_BYTES // predictions, math.ceil(len(group) / (2 * slots)))
        size = max(size, 1)
        return (group[start : start + size] for start in range(0, len(group), size))


def make_plan(sweep: Sweep, *, absent_data: bool = False) -> Plan:
    """Work out the trials of a sweep; every rule is checked here.

    absent_data: take published sizes where files are missing (a plan to look at, not to run).

    Raises:
        SweepError: a name, parameter, budget or combination is refused, or data are missing.
    """
    try:
        load_plugins(sweep.plugins)
        facts: dict[str, DatasetFacts] = {}
        trials: dict[str, Trial] = {}
        for label, part in sweep.parts.items():
            for trial in _part_trials(label, part, facts, absent_data):
                trials.setdefault(trial.id, trial)
    except (ValueError, OSError) as error:
        raise SweepError(f"sweep '{sweep.name}': {error}") from error
    return Plan(sweep, tuple(trials.values()), facts)


# Trials of a part ------------------------------------------------------------


@dataclass(frozen=True)
class _Lists:
    """The lists of a part with every component resolved and bound."""

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
    label: str, part: Part, facts: dict[str, DatasetFacts], absent_data: bool
) -> Iterator[Trial]:
    _check_shape(label, part)
    lists = _resolve(part)
    for (first, later), encoder, learner in product(
        lists.queries(), lists.encoders, lists.learners
    ):
        _check_learner(learner, encoder)
        _check_query(first, encoder, learner, first=part.scorer is None)
        _check_query(later, encoder, learner, first=False)
    for entry in _distinct(part.datasets, "datasets"):
        spec, data = _dataset(entry, absent_data)
        facts[data.name] = _one_of_a_name(facts.get(data.name), data)
        for encoder in lists.encoders:
            _check_fit(ENCODERS, encoder, data, absent_data)
        for learner in lists.learners:
            _check_fit(LEARNERS, learner, data, absent_data)
            _check_val(learner, data)
        for (first, later), encoder in product(lists.queries(), lists.encoders):
            for query in (first, later):
                _check_fit(STRATEGIES, query, data, absent_data, encoder)
        for first, _ in lists.queries():
            _check_reserved(first, data)
        yield from _dataset_trials(lists, spec, data, _schedules(part, data))


def _check_fit(
    registry: Registry,
    spec: Spec,
    data: DatasetFacts,
    absent_data: bool,
    encoder: Spec | None = None,
) -> None:
    """Have a component look at its parameters, and the files that they name.

    encoder: where the component is a strategy, the one whose parameters it looks at too.
    """
    try:
        registry.find(spec.name).facts.check(
            spec.params, data.train, *([encoder.params] if encoder else [])
        )
    except FileNotFoundError as error:
        if not absent_data:
            raise ValueError(f"{registry.kind} '{spec.name}': {error}") from None
    except ValueError as error:
        where = data.name + (f" with encoder '{encoder.name}'" if encoder else "")
        raise ValueError(f"{registry.kind} '{spec.name}' on {where}: {error}") from None


def _check_val(learner: Spec, data: DatasetFacts) -> None:
    needs = LEARNERS.find(learner.name).facts.needs(learner.params)
    if "val" in needs and not data.val and not data.absent:
        raise ValueError(
            f"learner '{learner.name}' watches the loss on a validation set (plateau_patience, "
            f"early_stopping), and {data.name} has none: set both to null or use another dataset"
        )


def _check_learner(learner: Spec, encoder: Spec) -> None:
    needs = LEARNERS.find(learner.name).facts.needs(learner.params) & FROM_ENCODER
    missing = needs - ENCODERS.find(encoder.name).facts.gives(encoder.params)
    if missing:
        raise ValueError(
            f"learner '{learner.name}' needs {listed(missing)}, which encoder '{encoder.name}' "
            f"does not give: {remedies(missing)}"
        )


def _check_reserved(first: Spec, data: DatasetFacts) -> None:
    needs = STRATEGIES.find(first.name).facts.needs(first.params)
    if "reserved" in needs and not data.reserved and not data.absent:
        raise ValueError(
            f"strategy '{first.name}' chooses among images set aside, and {data.name} sets none "
            "aside: give the dataset an imbalance with set_aside, or use another initial"
        )


def _dataset_trials(
    lists: _Lists, spec: Spec, data: DatasetFacts, schedules: Sequence[tuple[int, ...]]
) -> Iterator[Trial]:
    """Seeds outermost: a sweep cut short has every strategy at some seeds, not some at all."""
    for encoder, seed in product(lists.encoders, range(max(lists.seeds.values()))):
        for learner, schedule, (first, later) in product(
            lists.learners, schedules, lists.queries()
        ):
            if seed < lists.seeds[later.name]:
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
                    lists.scorer_of(first),
                )


def _resolve(part: Part) -> _Lists:
    strategies = _specs(part.strategies, STRATEGIES)
    return _Lists(
        encoders=_encoders(part.encoders),
        initial=_specs(part.initial, STRATEGIES) if part.initial else None,
        strategies=strategies,
        learners=_specs(part.learners, LEARNERS),
        seeds=_seeds(part.seeds, strategies),
        scorer=part.scorer or "",
    )


def _check_shape(label: str, part: Part) -> None:
    if (part.budgets is None) == (part.cycles is None):
        raise ValueError(
            f"part '{label}' has {'neither' if part.budgets is None else 'both'} budgets and "
            "cycles; give one: budgets: [10, 20], or cycles: {start: 20, step: 10, rounds: 4}"
        )
    if part.cycles is not None and part.initial is None:
        raise ValueError(
            f"part '{label}' has cycles and no initial: list the strategies of the first query"
        )
    if part.cycles is None and part.initial is not None:
        raise ValueError(
            f"part '{label}' has initial and no cycles: a single query is made by strategies"
        )


def _schedules(part: Part, data: DatasetFacts) -> list[tuple[int, ...]]:
    if part.cycles is not None:
        grown = [part.cycles.start, *_steps(part.cycles)]
        schedule = tuple(accumulate(_images(amount, data, "cycles") for amount in grown))
        _check_budget(schedule[-1], data, f"the last of {part.cycles.rounds} rounds")
        return [schedule]
    budgets = [_images(amount, data, "budgets") for amount in part.budgets or []]
    return [(budget,) for budget in dict.fromkeys(budgets)]


def _steps(cycles: Cycles) -> list[Amount]:
    later = cycles.rounds - 1
    if not isinstance(cycles.step, list):
        return [cycles.step] * later
    if len(cycles.step) != later:
        raise ValueError(
            f"cycles: {len(cycles.step)} steps are listed for rounds={cycles.rounds}; list one for "
            f"each round after the first, {later}, or give one number for all"
        )
    return cycles.step


def _images(amount: Amount, data: DatasetFacts, where: str) -> int:
    """Return a number of images; shares of the pool are rounded down, as HaCon does."""
    if isinstance(amount, str):
        try:
            share = float(amount.removesuffix("%")) if amount.endswith("%") else math.nan
        except ValueError:
            share = math.nan
        if not 0 < share <= 100:
            raise ValueError(
                f"{where}: '{amount}' is neither a number of images nor a share such as '0.5%'"
            )
        # The nudge keeps 0.1% of 11,000 at 11: the product is a hair under in binary.
        images = math.floor(data.train * share / 100 + 1e-9)
    else:
        images = amount
    _check_budget(images, data, where, amount)
    return images


def _check_budget(
    images: int, data: DatasetFacts, where: str, amount: Amount | None = None
) -> None:
    if not 1 <= images <= data.train:
        asked = f" ('{amount}')" if isinstance(amount, str) else ""
        raise ValueError(
            f"{where}: {images}{asked} images is out of bounds for {data.name}: "
            f"a budget is at least 1 and at most its pool of {data.train:,} images"
        )


def _check_query(spec: Spec, encoder: Spec, learner: Spec, *, first: bool) -> None:
    facts = STRATEGIES.find(spec.name).facts
    needs = facts.needs(spec.params)
    if first and needs & FROM_LEARNER:
        raise ValueError(
            f"strategy '{spec.name}' needs {listed(needs & FROM_LEARNER)}, and before the first "
            "label there are none: use it under cycles, with a cold-start strategy (random, "
            "kmeans, hacon, k_center) as initial; or, as HaCon's baselines do, have it score with "
            "a model that has seen the test set's labels, scorer: trained-on-test-set"
        )
    own = LEARNERS.find(learner.name).facts
    lent = own.gives(learner.params) if "images" in own.needs(learner.params) else set()
    given = ENCODERS.find(encoder.name).facts.gives(encoder.params) | lent
    for kind, giver, missing in (
        ("encoder", encoder, needs & FROM_ENCODER - given),
        ("learner", learner, needs & FROM_LEARNER - own.gives(learner.params)),
    ):
        if missing:
            raise ValueError(
                f"strategy '{spec.name}' needs {listed(missing)}, which {kind} '{giver.name}' "
                f"does not give: {remedies(missing)}"
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


# Components ------------------------------------------------------------------


def _specs(entries: Sequence[Entry], registry: Registry) -> list[Spec]:
    return [
        _plain(Spec(entry.name, registry.find(entry.name).bind(entry.given)))
        for entry in _distinct(entries, registry.kind)
    ]


def _encoders(entries: Sequence[Entry]) -> list[Spec]:
    found = [spec for entry in _distinct(entries, "encoders") for spec in _trainings(entry)]
    for number, spec in enumerate(found):
        if spec in found[:number]:
            raise ValueError(
                f"encoders: '{spec.name}' with seed={spec.params['seed']} is listed twice with the "
                "same parameters"
            )
    return found


def _trainings(entry: Entry) -> list[Spec]:
    """Bind an encoder; `seed` asks for another training of the same one, or for several."""
    given = entry.given
    seeds = given.pop("seed", 0)
    seeds = seeds if isinstance(seeds, list) else [seeds]
    if not seeds or len(set(map(repr, seeds))) < len(seeds) or not all(map(_is_seed, seeds)):
        raise ValueError(
            f"encoder '{entry.name}': seed={entry.given['seed']!r} is no whole number from 0 up, "
            "nor a list of different ones"
        )
    bound = ENCODERS.find(entry.name).bind(given)
    return [_plain(Spec(entry.name, {**bound, "seed": seed})) for seed in seeds]


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _dataset(entry: Entry, absent_data: bool) -> tuple[Spec, DatasetFacts]:
    component = DATASETS.find(entry.name)
    spec = _plain(Spec(entry.name, component.bind(entry.given)))
    try:
        return spec, describe(component.function(**spec.params))
    except FileNotFoundError as error:
        if not absent_data or component.facts.published is None:
            raise
        train, classes = component.facts.published(**spec.params)
        imbalance = spec.params["imbalance"]
        return spec, DatasetFacts(
            name=entry.name + (name_suffix(imbalance) if imbalance else ""),
            train=train,
            test=0,
            classes=tuple(str(c) for c in range(classes)),
            class_counts=(),
            content=f"absent: {json.dumps(spec.as_json())}",
            image_shape=(),
            absent=str(error),
        )


def describe(data: Dataset) -> DatasetFacts:
    """Read off what a plan needs to know of a dataset."""
    return DatasetFacts(
        name=data.name,
        train=len(data.train.labels),
        test=len(data.test.labels),
        classes=data.classes,
        class_counts=tuple(np.bincount(data.train.labels, minlength=data.num_classes).tolist()),
        content=data.content,
        image_shape=data.train.images.shape[1:],
        reserved=0 if data.reserved is None else len(data.reserved),
        val=0 if data.val is None else len(data.val.labels),
    )


def _one_of_a_name(earlier: DatasetFacts | None, data: DatasetFacts) -> DatasetFacts:
    if earlier is not None and earlier.content != data.content:
        raise ValueError(f"two different datasets are named '{data.name}': rename one of the files")
    return data


def _plain(spec: Spec) -> Spec:
    """Bring parameters to the form they have after JSON, so that ids survive a round trip."""
    return Spec(spec.name, json.loads(json.dumps(dict(spec.params))))


def _distinct(entries: Sequence[Entry], where: str) -> Sequence[Entry]:
    seen: list[Entry] = []
    for entry in entries:
        if entry in seen:
            raise ValueError(f"{where}: '{entry.name}' is listed twice with the same parameters")
        seen.append(entry)
    return entries
