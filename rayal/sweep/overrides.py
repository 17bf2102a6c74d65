"""`--set key=value`: single values of a sweep file changed from the command line."""

from __future__ import annotations

from typing import Any

import yaml

from rayal.sweep.entries import as_entry
from rayal.sweep.errors import SweepError
from rayal.sweep.yaml import parse


def apply_override(tree: dict[str, Any], override: str) -> None:
    """Set one value in place; an entry of a list is named by its position or by its name.

    override: `seeds.random=10`, `datasets.npz.path=blood.npz`, `budgets.0=5`.

    Raises:
        SweepError: there is no such place, or the value is no plain YAML.
    """
    dotted, equals, text = override.partition("=")
    if not equals or not dotted:
        raise SweepError(f"--set {override}: write it as key=value, such as seeds.random=10")
    try:
        value = parse(text)
    except (yaml.YAMLError, SweepError) as error:
        raise SweepError(f"--set {override}: the value is no plain YAML: {error}") from None
    *parents, last = dotted.split(".")
    _refuse_hidden(tree, dotted)
    place: Any = tree
    for key in parents:
        place = _descend(place, key, override)
    if isinstance(place, list):
        place[_position(place, last, override)] = value
    else:
        place[last] = value


def _refuse_hidden(tree: dict[str, Any], dotted: str) -> None:
    """Refuse to set at the top what every reader would take from a part."""
    key = dotted.split(".")[0]
    parts = tree.get("parts")
    hiding = [p for p, body in parts.items() if key in body] if isinstance(parts, dict) else []
    if hiding:
        rest = " and ".join(f"parts.{part}.{dotted}" for part in hiding)
        raise SweepError(f"--set {dotted}: this sweep gives '{key}' in its parts; set {rest}")


def _descend(place: Any, key: str, override: str) -> Any:
    if isinstance(place, list):
        position = _position(place, key, override)
        place[position] = as_entry(place[position])
        return place[position]
    if isinstance(place.get(key), str):
        raise SweepError(f"--set {override}: '{key}' is a value, it has nothing inside")
    return place.setdefault(key, {})


def _position(place: list[Any], key: str, override: str) -> int:
    names = [entry.get("name") if isinstance(entry, dict) else entry for entry in place]
    if key.isdigit() and int(key) < len(place):
        return int(key)
    if names.count(key) == 1:
        return names.index(key)
    listed = ", ".join(str(name) for name in names)
    raise SweepError(
        f"--set {override}: no single entry '{key}' in the list [{listed}]; "
        f"name one, or give its position from 0 to {len(place) - 1}"
    )
