"""What determines a component's results besides parameters: files that they name, its source."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Registry
from rayal.storage.file_hash import file_hash, file_hashes
from rayal.sweep.definition import BORROWED, REGISTRIES, Spec, Trial
from rayal.sweep.source_code import (
    changed_before_import,
    imported_hash,
    source_files,
    source_hash,
)


@dataclass(frozen=True)
class Contents:
    """Hashes of files by the parameter that names each, and of a plugin's source; "" for ours.

    paths: hash -> path -> hash of that file, for people and to see what has changed.
    """

    files: Mapping[str, str]
    source: str
    paths: Mapping[str, Mapping[str, str]]


def contents_of(registry: Registry[Any], name: str, params: Mapping[str, Any]) -> Contents:
    """Hash what a component names and what it is made of.

    A dataset's own content says what it is; a strategy's files are those that it declares.

    Raises:
        OSError: a file cannot be read.
    """
    component = registry.find(name)
    source, sources = ("", {}) if registry is DATASETS else _source(component.function.__module__)
    declares = registry is STRATEGIES and component.traits.files is not None
    named = component.files(params) if declares or registry in (ENCODERS, LEARNERS) else {}
    files = file_hashes(named)
    paths = {files[parameter]: {str(path): files[parameter]} for parameter, path in named.items()}
    if source:
        paths[source] = sources
    return Contents(files, source, paths)


@functools.cache
def _source(module: str) -> tuple[str, dict[str, str]]:
    """Return the hash of a module's source, as it was imported, and of each file of it; once."""
    files = source_files(module)
    return imported_hash(files), {str(path): imported_hash([path]) for path in files}


def with_contents(registry: Registry[Any], spec: Spec) -> Spec:
    """Return a component that knows the content of its files and its source.

    Files that cannot be found are for the component's own check to refuse.
    """
    try:
        hashes = contents_of(registry, spec.name, spec.params)
    except (OSError, ValueError, ImportError):
        return spec
    return replace(spec, files=hashes.files, source=hashes.source)


def check_unchanged(kind: str, spec: Spec) -> None:
    """Hold a component on this machine against what the sweep was planned with.

    kind: encoder, initial, strategy or learner.

    Raises:
        ValueError: a file that it names, or its source, is another one here.
    """
    if not spec.files and not spec.source:
        return
    current = contents_of(REGISTRIES[kind], spec.name, spec.params)
    changed = [p for p, sha256 in spec.files.items() if current.files.get(p) != sha256]
    if changed:
        raise ValueError(
            f"{kind} '{spec.name}': the file of {', '.join(changed)} is not the one that the sweep "
            "was planned with; start the sweep again, and give every node the same file"
        )
    if current.source != spec.source or changed_before_import(current.paths.get(spec.source, {})):
        raise ValueError(
            f"{kind} '{spec.name}': its source is not the one that the sweep was planned with; "
            "start the sweep again, and give every node the same plugins"
        )


def check_trial_unchanged(trial: Trial) -> None:
    """Do so for the strategies and the learners of a trial."""
    for kind in ("initial", "strategy", "learner"):
        check_unchanged(kind, getattr(trial, kind))
    for query in (trial.initial, trial.strategy):
        if query.scored_by:
            check_unchanged("learner", query.scored_by)


def paths_of(trials: tuple[Trial, ...]) -> dict[str, dict[str, str]]:
    """Return the files behind every hash in some trials, see `Contents.paths`."""
    named = {
        (registry.kind, repr(spec)): (registry, spec)
        for trial in trials
        for registry, spec in _components(trial)
        if spec.files or spec.source
    }
    return {
        sha256: dict(paths)
        for registry, spec in named.values()
        for sha256, paths in contents_of(registry, spec.name, spec.params).paths.items()
    }


def _components(trial: Trial) -> Iterator[tuple[Registry[Any], Spec]]:
    """Yield the components of a trial that may name files, with what its strategies borrow."""
    for kind in ("encoder", "initial", "strategy", "learner"):
        spec: Spec = getattr(trial, kind)
        yield REGISTRIES[kind], spec
        for key, lent in spec.borrowed.items():
            yield BORROWED[key], lent


def hashes_in(definition: Mapping[str, Any]) -> set[str]:
    """Return the hashes of files and sources in a trial's definition, as plan.json has it."""
    hashes = set()
    for component in ({**definition, **definition.get("assumed", {})}).values():
        if isinstance(component, Mapping):
            hashes |= {*component.get("files", {}).values(), component.get("source", "")}
            hashes |= hashes_in({key: component.get(key) for key in BORROWED})
    return hashes - {""}


def changed_paths(recorded: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Return, by recorded hash, the files on this machine that are no longer what they were.

    Files that are not here, as on another machine, say nothing.
    """
    changed: dict[str, list[str]] = {}
    for sha256, paths in recorded.items():
        for path, before in paths.items():
            if Path(path).is_file() and before not in (
                file_hash(Path(path)),
                source_hash([Path(path)]),
            ):
                changed.setdefault(sha256, []).append(path)
    return changed
