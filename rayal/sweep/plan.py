"""Sweep -> Plan: the trials of a sweep, with all of its rules checked.

Every name is resolved, every parameter bound and every rule checked before anything is computed.
The plan is then a value: trials that can be counted, printed, compared with what lies on disk, run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from rayal.registry import ENCODERS, LEARNERS
from rayal.sweep import rules
from rayal.sweep.dataset_info import DatasetInfo, DatasetLoader
from rayal.sweep.definition import Trial, encoding_stages, marked_definition
from rayal.sweep.errors import Mistakes
from rayal.sweep.file import Sweep
from rayal.sweep.names import Named, Names
from rayal.sweep.notes import component_notes
from rayal.sweep.planner import Planner
from rayal.sweep.plugins import import_plugins


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
    planner = Planner(DatasetLoader(absent_data), mistakes)
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


def _recorded(trial: Trial, sweep: Sweep) -> Trial:
    """Return the trial with what the sweep asks to be recorded besides.

    Planes of one seed are enough to look at, and take long.
    """
    planes = sweep.record_embeddings if trial.seed == 0 else 0
    if not (sweep.record_losses or planes):
        return trial
    return replace(trial, record_losses=sweep.record_losses, record_embeddings=planes)
