"""What a run has of the same trials already: made before, or by files and plugins that changed.

The id of a trial covers the content of files and the source of plugins. Runs that were planned
before it did go on under the ids they were planned with, as long as these files stay what they
were when this was first noted; what made the trials that were finished before is not known.
Where the default of a parameter has become another, a run goes on with the one that it was planned
with, as long as its sweep file does not state it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from rayal.registry import ENCODERS
from rayal.sweep.contents import paths_of
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan

Definitions = Mapping[str, Mapping[str, Any]]  # by id, as in plan.json


@dataclass(frozen=True)
class EarlierTrials:
    """A plan beside the run that it goes on with.

    unverified: ids of trials that were planned before files and sources were part of an id.
    superseded: id -> definition of finished trials that are the same but for files or sources.
    redone: ids of the present trials that stand in their place.
    former: what encoders go on with in place of a default that has changed, by their names.
    outside: ids of finished trials that neither the plan has nor files or sources tell apart from
        it: of a wider plan, say.
    """

    plan: Plan
    unverified: Set[str]
    superseded: Definitions
    redone: Set[str]
    former: Mapping[str, str] = field(default_factory=dict)
    outside: Set[str] = frozenset()


def go_on(plan: Plan, earlier: Mapping[str, Any] | None, finished: Set[str]) -> EarlierTrials:
    """Compare a plan with what a run's plan.json says.

    Args:
        plan: the present one.
        earlier: content of plan.json, None where there is none.
        finished: ids of trials that have a record.
    """
    if earlier is None:
        known = replace(plan, paths=paths_of(plan.trials))
        outside = finished - {trial.id for trial in plan.trials}
        return EarlierTrials(known, frozenset(), {}, frozenset(), outside=outside)
    before: Definitions = {**earlier.get("superseded", {}), **earlier["trials"]}
    plan, former = _with_former_defaults(plan, earlier["artefacts"].keys())
    contents = {trial.id: _contents(trial) for trial in plan.trials}
    kept = {trial.id: _as_planned(trial, contents[trial.id], before) for trial in plan.trials}
    trials = tuple(kept.values())
    assumed = {t.id: contents[key] for key, t in kept.items() if contents[key] and t.id != key}
    notes = {
        key: plan.notes[planned]
        for trial in plan.trials
        for planned, key in zip(trial.encodings, kept[trial.id].encodings, strict=True)
        if planned in plan.notes
    }
    continued = replace(
        plan, trials=trials, notes=notes, assumed=assumed, paths=paths_of(plan.trials)
    )
    superseded = _superseded(continued, earlier, finished)
    named = {definition.get("named") or key for key, definition in superseded.items()}
    redone = {t.id for t in trials if t.id not in finished and t.without_contents().id in named}
    return EarlierTrials(
        replace(continued, superseded=superseded),
        assumed.keys() & finished,
        superseded,
        redone,
        former,
        finished - {trial.id for trial in trials} - superseded.keys(),
    )


def _with_former_defaults(plan: Plan, embeddings: Set[str]) -> tuple[Plan, dict[str, str]]:
    """Return a plan with the encoders that a run was planned with, where defaults have changed.

    Args:
        plan: the present one.
        embeddings: ids of those that the run knows.

    Returns:
        The plan, and by the name of an encoder what it goes on with: "map=query_key".
    """
    ids, replaced = {}, {}
    trials = []
    for trial in plan.trials:
        earlier = replace(trial, encoder=trial.encoder.as_former())
        if trial.embedding_id not in embeddings and earlier.embedding_id in embeddings:
            ids[trial.embedding_id] = earlier.embedding_id
            former = ENCODERS.find(trial.encoder.name).traits.former
            values = [f"{name}={former[name]}" for name in sorted(trial.encoder.implied)]
            replaced[trial.encoder.name] = ", ".join(values)
            trial = earlier
        trials.append(trial)
    notes = {ids.get(key, key): lines for key, lines in plan.notes.items()}
    return replace(plan, trials=tuple(trials), notes=notes), replaced


def _contents(trial: Trial) -> dict[str, Any]:
    """Return the hashes that an id covers besides parameters, by kind of component."""
    contents = {}
    for kind in ("encoder", "initial", "strategy", "learner"):
        spec = getattr(trial, kind)
        if spec.files or spec.source:
            contents[kind] = {"files": dict(spec.files), "source": spec.source}
    return contents


def _as_planned(trial: Trial, contents: dict[str, Any], before: Definitions) -> Trial:
    """Return a trial under the id that an earlier version of rayal planned it with, if it did."""
    plain = trial.without_contents()
    if not contents or plain.id not in before:
        return trial
    assumed = before[plain.id].get("assumed")
    return plain if assumed in (None, contents) else trial


def _superseded(plan: Plan, earlier: Mapping[str, Any], finished: Set[str]) -> Definitions:
    """Return finished trials of earlier plans that differ in files or sources alone."""
    present = {trial.id for trial in plan.trials}
    names = {trial.without_contents().id for trial in plan.trials}
    known: Definitions = {**earlier.get("superseded", {}), **earlier["trials"]}
    return {
        key: definition
        for key, definition in known.items()
        if key in finished and key not in present and (definition.get("named") or key) in names
    }
