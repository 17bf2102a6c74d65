"""`--set key=value`: single values of a sweep file changed from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rayal.hints import LONGEST_VALUE, nearest, shorten, show_value
from rayal.sweep.entries import as_entry
from rayal.sweep.errors import SweepError
from rayal.sweep.yaml import parse


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one value in place; an entry of a list is named by its position or by its name.

    override: `seeds.random=10`, `datasets.npz.path=blood.npz`, `budgets.0=5`.

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
    *parents, last = dotted.split(".")
    _check_part(tree, parents, override)
    _refuse_hidden(tree, dotted)
    place: Any = tree
    for key in parents:
        place = _descend(place, key, override)
    if isinstance(place, list):
        place[_position(place, last, override)] = value
    else:
        place[last] = value


def _check_part(tree: Mapping[str, Any], parents: Sequence[str], override: str) -> None:
    """Refuse to make a part by the way, from a name that is spelled wrong."""
    if len(parents) < 2 or parents[0] != "parts":
        return
    known = list(tree.get("parts") or {})
    if parents[1] not in known:
        listed = f"known: {', '.join(map(str, known))}" if known else "this sweep has no parts"
        raise ValueError(
            f"--set {override}: there is no part '{parents[1]}'"
            f"{nearest(parents[1], map(str, known))}; {listed}"
        )


def _refuse_hidden(tree: dict[str, Any], dotted: str) -> None:
    """Refuse to set at the top what every reader would take from a part."""
    key = dotted.split(".")[0]
    parts = tree.get("parts")
    bodies = parts.items() if isinstance(parts, dict) else ()
    hiding = [part for part, body in bodies if isinstance(body, dict) and key in body]
    if hiding:
        rest = " and ".join(f"parts.{part}.{dotted}" for part in hiding)
        raise ValueError(f"--set {dotted}: this sweep gives '{key}' in its parts; set {rest}")


def _descend(place: Any, key: str, override: str) -> Any:
    if isinstance(place, list):
        position = _position(place, key, override)
        inside = place[position] = as_entry(place[position])
    else:
        inside = place[key] = {} if place.get(key) is None else place[key]
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
