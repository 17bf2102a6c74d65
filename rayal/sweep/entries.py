"""Entries of a sweep's lists -> components with all their parameters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from rayal.registry import ENCODERS, Registry
from rayal.sweep.definition import ENCODER_SEED, Spec


class Entry(BaseModel):
    """A component in a list: a name, or a mapping of name and parameters."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    name: str

    @property
    def given(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


def as_entry(value: object) -> object:
    """Write a bare name as the mapping that it stands for."""
    return {"name": value} if isinstance(value, str) else value


def resolve(entries: Sequence[Entry], registry: Registry) -> list[Spec]:
    """Look each entry's component up and bind its parameters.

    Raises:
        ValueError: there is no such component, it refuses a parameter, or two entries are equal.
    """
    return [
        plain(Spec(entry.name, registry.find(entry.name).bind(entry.given)))
        for entry in distinct(entries, registry.kind)
    ]


def resolve_encoders(entries: Sequence[Entry]) -> list[Spec]:
    """Do the same for encoders; a list of seeds asks for as many trainings of one.

    Raises:
        ValueError: as `resolve` does.
    """
    specs = [spec for entry in distinct(entries, "encoders") for spec in _trainings(entry)]
    for number, spec in enumerate(specs):
        if spec in specs[:number]:
            raise ValueError(
                f"encoders: '{spec.name}' with seed={spec.params['seed']} is listed twice with the "
                "same parameters"
            )
    return specs


def _trainings(entry: Entry) -> list[Spec]:
    given = entry.given
    seeds = given.pop("seed", ENCODER_SEED)
    seeds = seeds if isinstance(seeds, list) else [seeds]
    if not seeds or len(set(map(repr, seeds))) < len(seeds) or not all(map(_is_seed, seeds)):
        raise ValueError(
            f"encoder '{entry.name}': seed={entry.given['seed']!r} is no whole number from 0 up, "
            "nor a list of different ones"
        )
    bound = ENCODERS.find(entry.name).bind(given)
    return [plain(Spec(entry.name, {**bound, "seed": seed})) for seed in seeds]


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def plain(spec: Spec) -> Spec:
    """Bring parameters to the form they have after JSON, so that ids survive a round trip."""
    return Spec(spec.name, json.loads(json.dumps(dict(spec.params))))


def distinct(entries: Sequence[Entry], where: str) -> Sequence[Entry]:
    """Return the entries; refuse two that are equal."""
    seen: list[Entry] = []
    for entry in entries:
        if entry in seen:
            raise ValueError(f"{where}: '{entry.name}' is listed twice with the same parameters")
        seen.append(entry)
    return entries
