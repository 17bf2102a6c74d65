"""A sweep file: YAML -> Sweep, checked in form. Names are resolved when it is planned.

Only the lists multiply: datasets, encoders, initial, strategies, learners, budgets. An entry is a
name, or a mapping of a name and parameters.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, TypeGuard

from pydantic import ValidationError

from rayal.credentials import names_credentials
from rayal.hints import is_writable, show_value
from rayal.registry import ENCODERS
from rayal.sweep import yaml
from rayal.sweep.entries import LISTS, Entry, as_entry, resolve, resolve_encoders
from rayal.sweep.errors import Mistakes, SweepError
from rayal.sweep.form_errors import sentences, unknown_key
from rayal.sweep.overrides import apply_override
from rayal.sweep.plugins import import_plugins
from rayal.sweep.schema import Hours, Measure, Part, Prune, Resources, SweepFile, Track

ONLY_PART = "all"  # the name of the part of a file that has no parts
SHAPES = {"budgets", "cycles"}  # of which a part has one


@dataclass(frozen=True)
class Sweep:
    """A sweep file, read and checked in form."""

    name: str
    question: str
    cost: str
    hours: Hours
    expect: str
    measure: Measure
    record_losses: bool
    record_embeddings: int
    prune: Prune | None
    resources: Resources
    track: Track
    plugins: tuple[Path, ...]
    parts: Mapping[str, Part]
    resolved: Mapping[str, Any] = field(repr=False)
    notes: tuple[str, ...] = ()  # which parts a --set applies to

    def as_yaml(self) -> str:
        """The file with every --set applied; plugins by whole paths, as it may lie elsewhere."""
        plugins = {"plugins": list(map(str, self.plugins))} if self.plugins else {}
        return yaml.dump({**self.resolved, **plugins})


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep file and apply `key=value` overrides.

    Raises:
        SweepError: the file is missing, is no plain YAML, or has unknown keys or wrong types; the
            message has all of them, and what is wrong with names and parameters beside them.
    """
    with contextlib.suppress(OSError):  # told when it is read
        _refuse_a_run(path)
    tree = yaml.read(path)
    mistakes = Mistakes(str(path))
    notes = []
    for override in overrides:
        with mistakes.gather():
            notes.append(apply_override(tree, override))
    read = _validated(tree, mistakes)
    _refuse_credentials(tree, mistakes)
    for text in _unwritable(tree):
        mistakes.add(
            f"{show_value(text)} is no text that UTF-8 can write, as plan, records and report do; "
            "rename what it names"
        )
    if mistakes:
        _check_names(tree, path, mistakes)
    mistakes.raise_if_any()
    assert read is not None
    return Sweep(
        name=read.name,
        question=read.question.strip(),
        cost=read.cost.strip(),
        hours=read.hours,
        expect=read.expect.strip(),
        measure=read.measure,
        record_losses=read.record_losses,
        record_embeddings=read.record_embeddings,
        prune=read.prune,
        resources=read.resources,
        track=read.track,
        plugins=tuple(_plugin_path(path, plugin) for plugin in read.plugins),
        parts=read.parts,
        resolved=tree,
        notes=tuple(filter(None, notes)),
    )


def _refuse_credentials(tree: object, mistakes: Mistakes) -> None:
    """Note addresses with a secret; those of MLflow are looked at with its own ways out."""
    for place, text in _texts(tree):
        if place != "track.mlflow" and names_credentials(text):
            mistakes.add(
                f"{place or 'a key'}: a user, a password or a token in an address does not belong "
                "in a sweep file, which is kept with the results; leave it out, and give it by the "
                "environment"
            )


def _unwritable(tree: object) -> Iterator[str]:
    """Yield texts, keys among them, that UTF-8 cannot write."""
    return (text for _, text in _texts(tree) if not is_writable(text))


def _texts(tree: object, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text of a tree, keys among them, and the keys that lead to it, with dots."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _texts(key, place)
            yield from _texts(value, f"{place}.{key}".lstrip("."))
    elif isinstance(tree, list):
        for part in tree:
            yield from _texts(part, place)
    elif isinstance(tree, str):
        yield place, tree


def _validated(tree: dict[str, Any], mistakes: Mistakes) -> SweepFile | None:
    """Check the form of a file's tree; note what is wrong and return None where anything is."""
    known = {*Part.model_fields, *SweepFile.model_fields}
    for key in tree:
        if key not in known:
            mistakes.add(unknown_key(key, (), SweepFile))
    parts = tree.get("parts", {ONLY_PART: {}})
    if not isinstance(parts, dict) or not all(isinstance(p, dict) for p in parts.values()):
        mistakes.add("parts: give a mapping of names to parts")
        parts = {}
    elif not parts:
        mistakes.add("parts: give at least one part, or leave the key out")
    if "parts" in tree:
        _refuse_hidden(tree, parts, mistakes)
    general = {key: value for key, value in tree.items() if key in SweepFile.model_fields}
    inherited = {label: {**_defaults_for(part, tree), **part} for label, part in parts.items()}
    try:
        return SweepFile.model_validate({**general, "parts": inherited})
    except ValidationError as error:
        for sentence in sentences(error, SweepFile, None if "parts" in tree else ONLY_PART):
            mistakes.add(sentence)
    return None


def _plugin_path(sweep: Path, plugin: str | Path) -> Path:
    """Return where a plugin lies: beside the sweep file, or what this is a link to; no links."""
    if "\0" in str(plugin):
        return sweep.parent / plugin  # no file, as its import says
    folders = sweep.parent, Path(os.path.realpath(sweep)).parent
    places = [os.path.realpath(folder / plugin) for folder in folders]
    return Path(next(filter(os.path.isfile, places), places[0]))


def _check_names(tree: Mapping[str, Any], sweep: Path, mistakes: Mistakes) -> None:
    """Look at names and parameters too where the form is wrong: all mistakes are told at once."""
    plugins = tree.get("plugins", [])
    if not isinstance(plugins, list) or not all(isinstance(plugin, str) for plugin in plugins):
        return  # names may be those of plugins
    import_plugins([_plugin_path(sweep, plugin) for plugin in plugins], mistakes)
    parts = tree.get("parts", {})
    bodies = [tree, *(parts.values() if isinstance(parts, dict) else ())]
    for body, (key, registry) in product(filter(_is_mapping, bodies), LISTS.items()):
        listed = body.get(key, [])
        written = [as_entry(entry) for entry in listed] if isinstance(listed, list) else []
        entries = [Entry(**entry) for entry in written if _is_mapping(entry) and _has_name(entry)]
        if registry is ENCODERS:
            resolve_encoders(entries, mistakes)
        else:
            resolve(entries, registry, mistakes)


def _is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _has_name(entry: Any) -> bool:
    return isinstance(entry.get("name"), str)


def _refuse_hidden(
    tree: Mapping[str, Any], parts: Mapping[Any, Mapping[str, Any]], mistakes: Mistakes
) -> None:
    """Refuse what the top gives and no part takes: it would be neither used nor checked."""
    for key in Part.model_fields:
        if key in tree and parts and all(key not in _defaults_for(p, tree) for p in parts.values()):
            mistakes.add(
                f"'{key}' at the top is used by no part, for each has its own: remove it there, or "
                "from a part that should take it"
            )


def _defaults_for(part: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """What a part takes from the top: what it lacks, but of budgets and cycles only one."""
    own = set(part)
    if own & SHAPES:
        own |= SHAPES
    return {key: tree[key] for key in Part.model_fields if key in tree and key not in own}


def _refuse_a_run(path: Path) -> None:
    """Say what to do with a run's folder, or its plan, that is given in place of a sweep file."""
    folder = path if path.is_dir() else path.parent
    is_plan = path.name == "plan.json" and (folder / "records").is_dir()
    if not is_plan and not (path.is_dir() and (folder / "plan.json").is_file()):
        return
    what = "the plan of a run" if is_plan else "the folder of a run"
    raise SweepError(
        f"{path} is {what}, no sweep file: go on with the run by its {folder / 'sweep.yaml'} and "
        f"--out {folder}, or look at it with rayal status {folder} and rayal report {folder}"
    )
