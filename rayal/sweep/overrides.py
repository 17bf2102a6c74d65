"""`--set key=value`: single values of a sweep file changed from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from rayal.hints import LONGEST_VALUE, nearest, shorten, show_value
from rayal.sweep.entries import as_entry
from rayal.sweep.errors import SweepError
from rayal.sweep.yaml import parse


def apply_override(tree: dict[str, Any], override: str) -> str:
    """Set one value in place; an entry of a list is named by its position or by its name.

    A key that the parts give is set in every part that has the place; `parts.NAME=null` leaves a
    part out.

    override: `seeds.random=10`, `datasets.npz.path=blood.npz`, `budgets.0=5`.

    Returns:
        Which parts it was set in, as a sentence; "" where the override names the place itself.

    Raises:
        ValueError: there is no such place, or the value is no plain YAML.
    """
    dotted, equals, text = override.partition("=")
    override = shorten(override, LONGEST_VALUE)
    if not equals or not dotted:
        raise ValueError(f"--set {override}: write it as key=value, such as seeds.random=10")
    try:
        value = parse(text)
    except SweepError as error:
        raise ValueError(f"--set {override}: the value is no plain YAML: {error}") from None
    keys = dotted.split(".")
    _check_part(tree, keys, removed=value is None, override=override)
    if value is None and len(keys) == 2 and keys[0] == "parts":
        del tree["parts"][keys[1]]
        return ""
    if giving := _parts_that_give(tree, keys[0]):
        return _set_in_parts(tree, giving, keys, value, override)
    _set(tree, keys, value, override)
    return ""


def _set(tree: dict[str, Any], keys: Sequence[str], value: Any, override: str) -> None:
    *parents, last = keys
    place: Any = tree
    for key in parents:
        place = _descend(place, key, override)
    if isinstance(place, list):
        place[_position(place, last, override)] = value
    else:
        place[last] = value


def _parts_that_give(tree: Mapping[str, Any], key: str) -> list[str]:
    parts = tree.get("parts")
    bodies = parts.items() if isinstance(parts, dict) else ()
    return [part for part, body in bodies if isinstance(body, dict) and key in body]


def _set_in_parts(
    tree: dict[str, Any], giving: list[str], keys: Sequence[str], value: Any, override: str
) -> str:
    """Set a value in every part that has its place, and at the top for parts that take it there.

    Raises:
        ValueError: no part has such a place.
    """
    parts, done, errors = tree["parts"], [], []
    for part in giving:
        changed = deepcopy(parts[part])
        try:
            _set(changed, keys, value, override)
        except ValueError as error:
            errors.append(error)
        else:
            parts[part] = changed
            done.append(str(part))
    if len(giving) < len(parts) and _top_gives(tree, keys):
        try:
            _set(tree, keys, value, override)
        except ValueError as error:
            errors.append(error)
        else:
            done.append("those that take it from the top")
    if not done:
        raise errors[0]
    return f"--set {override} applies to the part{'s' * (len(done) > 1)} {', '.join(done)}"


def _top_gives(tree: Mapping[str, Any], keys: Sequence[str]) -> bool:
    """Whether parts that lack a key take it from the top; a number of seeds has a default there."""
    return keys[0] in tree or list(keys) == ["seeds"]


def _check_part(
    tree: Mapping[str, Any], keys: Sequence[str], *, removed: bool, override: str
) -> None:
    """Refuse to make or to remove a part whose name is spelled wrong."""
    if keys[0] != "parts" or len(keys) < (2 if removed else 3):
        return
    known = list(tree.get("parts") or {})
    if keys[1] not in known:
        listed = f"known: {', '.join(map(str, known))}" if known else "this sweep has no parts"
        raise ValueError(
            f"--set {override}: there is no part '{keys[1]}'"
            f"{nearest(keys[1], map(str, known))}; {listed}"
        )


def _descend(place: Any, key: str, override: str) -> Any:
    if isinstance(place, list):
        position = _position(place, key, override)
        inside = place[position] = as_entry(place[position])
    else:
        inside = place[key] = {} if place.get(key) is None else place[key]
        if key == "seeds" and isinstance(inside, int):  # for all strategies
            inside = place[key] = {"default": inside}
    if not isinstance(inside, dict | list):
        raise ValueError(f"--set {override}: '{key}' is a value, it has nothing inside")
    return inside


def _position(place: list[Any], key: str, override: str) -> int:
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in place]
    if key in map(str, range(len(place))):
        return int(key)
    if names.count(key) == 1:
        return names.index(key)
    listed = ", ".join(show_value(name) for name in names)
    raise ValueError(
        f"--set {override}: no single entry '{key}' in the list [{listed}]; "
        f"name one, or give its position from 0 to {len(place) - 1}"
    )
