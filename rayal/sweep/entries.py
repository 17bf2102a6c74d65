"""Entries of a sweep's lists -> components with all their parameters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rayal.hints import nearest, show_value
from rayal.registry import DATASETS, ENCODERS, LEARNERS, REGISTRIES, STRATEGIES, Component, Registry
from rayal.sweep.contents import with_contents
from rayal.sweep.definition import BORROWED, ENCODER_SEED, Spec
from rayal.sweep.errors import Mistakes

LISTS: Mapping[str, Registry[Any]] = {  # that multiply, by their keys in a file
    "datasets": DATASETS,
    "encoders": ENCODERS,
    "initial": STRATEGIES,
    "strategies": STRATEGIES,
    "learners": LEARNERS,
}
_BY_SUFFIX = {
    ".npz": "{{name: npz, path: {0}}}",
    ".csv": "{{name: image_table, path: FOLDER, table: {0}}}",
    ".tsv": "{{name: image_table, path: FOLDER, table: {0}}}",
}
_FOLDER = "{{name: image_folder, path: {0}}}"


class Entry(BaseModel):
    """A component in a list: a name, or a mapping of name and parameters."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)
    name: str

    @property
    def given(self) -> dict[str, Any]:
        """The parameters."""
        return dict(self.model_extra or {})


def as_entry(value: object) -> object:
    """Write a bare name as the mapping that it stands for."""
    return {"name": value} if isinstance(value, str) else value


def find(registry: Registry[Any], name: str) -> Component[Any]:
    """Return the component of a name.

    Raises:
        ValueError: there is none; the message says how what was meant is written.
    """
    try:
        return registry.find(name)
    except ValueError as error:
        raise ValueError(f"{error}{_what_was_meant(registry, name)}") from None


def resolve(entries: Sequence[Entry], registry: Registry[Any], mistakes: Mistakes) -> list[Spec]:
    """Look each entry's component up and bind its parameters; note those where that fails."""
    specs = []
    for entry in distinct(entries, registry.kind, mistakes):
        with mistakes.gather():
            specs.append(_query(entry) if registry is STRATEGIES else _bound(registry, entry))
    return specs


def _bound(registry: Registry[Any], entry: Entry) -> Spec:
    bound = plain(Spec(entry.name, find(registry, entry.name).bind(entry.given)))
    return with_contents(registry, bound)


def _query(entry: Entry) -> Spec:
    """Bind a strategy, and what its entry says it chooses by."""
    params = entry.given
    lent = {key: params.pop(key, None) for key in BORROWED}
    bound = _bound(STRATEGIES, Entry(name=entry.name, **params))
    named = {key: value for key, value in lent.items() if value is not None}
    return replace(bound, borrowed={key: _borrowed(entry.name, key, named[key]) for key in named})


def _borrowed(strategy: str, key: str, value: object) -> Spec:
    """Resolve the encoder or learner that a strategy reads in place of the trial's."""
    registry, where = BORROWED[key], f"strategy '{strategy}': {key}"
    try:
        entry = Entry.model_validate(as_entry(value))
    except ValidationError:
        raise ValueError(
            f"{where}={show_value(value)} is no {registry.kind}: give one by its name, or a "
            "mapping of its name and parameters; for several, list the strategy several times"
        ) from None
    if registry is not ENCODERS:
        return _bound(registry, entry)
    trainings = _trainings(entry)
    if len(trainings) > 1:
        raise ValueError(
            f"{where} has {len(trainings)} seeds of '{entry.name}', and a query reads one "
            "encoder: list the strategy once for each seed"
        )
    return trainings[0]


def resolve_encoders(entries: Sequence[Entry], mistakes: Mistakes) -> list[Spec]:
    """Return the specs of encoders, one for each seed of an entry; gather what is wrong."""
    specs: dict[str, Spec] = {}
    for entry in distinct(entries, "encoders", mistakes):
        with mistakes.gather():
            for spec in _trainings(entry):
                if specs.setdefault(json.dumps(spec.as_json(), sort_keys=True), spec) is not spec:
                    raise ValueError(
                        f"encoders: '{spec.name}' with seed={spec.params['seed']} is listed twice "
                        "with the same parameters"
                    )
    return list(specs.values())


def plain(spec: Spec) -> Spec:
    """Bring parameters to the form they have after JSON, so that ids survive a round trip."""
    return replace(spec, params=json.loads(json.dumps(dict(spec.params))))


def distinct(entries: Sequence[Entry], where: str, mistakes: Mistakes) -> list[Entry]:
    """Return the entries that are not listed before; note those that are."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        key = json.dumps([entry.name, entry.given], sort_keys=True, default=str)
        if kept.setdefault(key, entry) is not entry:
            mistakes.add(f"{where}: '{entry.name}' is listed twice with the same parameters")
    return list(kept.values())


def equal_entries(where: str, specs: Sequence[Spec]) -> list[str]:
    """Say which entries of a list are one component, as where 1 stands beside 1.0."""
    count = Counter(json.dumps(spec.as_json(), sort_keys=True) for spec in specs)
    named = {json.dumps(spec.as_json(), sort_keys=True): spec.name for spec in specs}
    return [
        f"{where}: {number} entries of '{named[key]}' are the same once defaults are filled in and "
        "numbers are read; trials of these run once"
        for key, number in count.items()
        if number > 1
    ]


def equal_trainings(specs: Sequence[Spec]) -> list[str]:
    """Say which seeds of an encoder give the same features, as nothing of it is drawn."""
    seeds: dict[str, list[str]] = {}
    for spec in specs:
        component = ENCODERS.find(spec.name)
        if not component.traits.draws(component.arguments(spec.params)):
            params = {name: value for name, value in spec.params.items() if name != "seed"}
            same = json.dumps(replace(spec, params=params).as_json(), sort_keys=True)
            seeds.setdefault(same, [spec.name]).append(str(spec.params["seed"]))
    return [
        f"encoders: '{name}' draws nothing, so that its seeds {', '.join(own)} give the same "
        "features: they are no several trainings, and one is enough"
        for name, *own in seeds.values()
        if len(own) > 1
    ]


def _trainings(entry: Entry) -> list[Spec]:
    params = entry.given
    seeds = params.pop("seed", ENCODER_SEED)
    seeds = seeds if isinstance(seeds, list) else [seeds]
    if not seeds or len(set(map(repr, seeds))) < len(seeds) or not all(map(_is_seed, seeds)):
        raise ValueError(
            f"encoder '{entry.name}': seed={show_value(entry.given['seed'])} is no whole number "
            "from 0 up, nor a list of different ones"
        )
    component = find(ENCODERS, entry.name)
    bound, implied = component.bind(params), frozenset(component.traits.former) - params.keys()
    specs = [plain(Spec(entry.name, {**bound, "seed": seed}, implied=implied)) for seed in seeds]
    return [with_contents(ENCODERS, spec) for spec in specs]


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _what_was_meant(registry: Registry[Any], name: str) -> str:
    """Say how a dataset's path or a network's name is written; nothing for other names."""
    if nearest(name, registry.names(), cutoff=0.75) or any(r.has(name) for r in REGISTRIES):
        return ""
    if registry is DATASETS and _is_path(name):
        written = _BY_SUFFIX.get(Path(name).suffix.lower(), _FOLDER)
        return (
            f"; of the files there, write {written.format(name)}; to choose which images without "
            f"labels to label first: rayal select {name}"
        )
    if registry is ENCODERS and name.isidentifier():
        return (
            "; a network of timm is {name: timm_model, model: NAME}, where NAME is one of "
            f"timm.list_models('*{name.lower()}*', pretrained=True)"
        )
    return ""


def _is_path(name: str) -> bool:
    return "/" in name or "\\" in name or Path(name).suffix.lower() in _BY_SUFFIX or _exists(name)


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):  # a name too long, or with a character that no path has
        return False
