"""Definitions of trials in a run's files: whether they are whole, and those of one trial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_COMPONENTS = ("dataset", "encoder", "initial", "strategy", "learner")  # of a definition
_LENT = ("select_on", "scored_by")  # components of a strategy
_PLACES = {"dataset", "at_default", "former", "oracle"}  # no part of what a trial is


def is_definition(entry: Mapping[str, Any]) -> bool:
    """Whether a trial's definition states what it has to, each of the right kind."""
    schedule = entry.get("schedule")
    return (
        all(_is_component(entry.get(kind)) for kind in _COMPONENTS)
        and isinstance(schedule, list)
        and len(schedule) > 0
        and all(type(total) is int for total in schedule)
        and type(entry.get("seed")) is int
        and all(isinstance(entry.get(key), str) for key in ("dataset_name", "artefact"))
        and isinstance(entry.get("artefacts", []), list)
        and all(isinstance(key, str) for key in entry.get("artefacts", []))
    )


def is_artifact_entry(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a plan's artefacts names its dataset and its encoder."""
    return isinstance(entry.get("dataset"), str) and _is_component(entry.get("encoder"))


def is_dataset_entry(entry: Mapping[str, Any]) -> bool:
    """Whether an entry of a plan's datasets names its classes, and counts the images of each."""
    classes, counts = entry.get("classes", []), entry.get("class_counts", [])
    return (
        isinstance(classes, list)
        and all(isinstance(name, str) for name in classes)
        and isinstance(counts, list)
        and all(type(count) is int and count >= 0 for count in counts)
        and len(counts) in (0, len(classes))
    )


def _is_component(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("name"), str)
        and isinstance(entry.get("params"), dict)
        and isinstance(entry.get("at_default", []), list)
        and all(_is_component(entry[lent]) for lent in _LENT if lent in entry)
    )


def is_of(definition: Any, expected: Mapping[str, Any]) -> bool:
    """Whether a record's definition is the one expected, by what both of them state.

    Where data lie is no part of it, and a version may have added a parameter at its default.
    """
    if not expected:
        return True
    if not isinstance(definition, Mapping):
        return False
    stated = definition.keys() & expected.keys() - _PLACES
    return all(_is_same(definition[key], expected[key]) for key in stated)


def _is_same(value: Any, expected: Any) -> bool:
    if repr(value) == repr(expected):  # the quick answer of nearly all
        return True
    if isinstance(value, Mapping) and isinstance(expected, Mapping):
        stated = value.keys() & expected.keys()
        if "files" in stated and "params" in stated:  # of a file its content counts, not its place
            named = dict.fromkeys(value["files"])
            value = {**value, "params": {**value["params"], **named}}
            expected = {**expected, "params": {**expected["params"], **named}}
        return all(_is_same(value[key], expected[key]) for key in stated)
    return bool(json.dumps(value) == json.dumps(expected))
