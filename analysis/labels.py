"""Names of components as people read them: the name, and the parameters that tell it apart.

A run may hold two strategies named `hacon`, one with k=20 and one with k=budget. Parameters that
have one value in the whole run say nothing; those that vary make the label "hacon k=20". What
stands at its default is left out: "hacon", "hacon tau=0.001", "entropy label_balanced=yes"; but
where one number alone varies all its values are said: "hacon k=20", "hacon k=30". Encoders are told
apart on each dataset for itself: what differs between datasets is no choice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

BASELINE = "random"
KINDS = ("dataset", "encoder", "initial", "strategy", "learner")
# The first and the later queries are made by the same kind of component, so that one strategy
# has one label in both places.
FAMILY = {"initial": "strategy"}


class Named(NamedTuple):
    """A component's plain name, its label, its varying parameters, and how many are switched on."""

    plain: str
    label: str
    varying: Mapping[str, Any]
    switched_on: int


class Names:
    """The names of all components of a run's trials."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        found: dict[str, tuple[tuple[str, str], str, dict[str, Any]]] = {}
        untouched: dict[str, set[str]] = {}
        for definition in definitions:
            for kind in KINDS:
                key = _key(kind, definition)
                if key not in found:
                    plain = plain_name(kind, definition)
                    apart = (_family(kind), _place(kind, definition))
                    found[key] = (apart, plain, flatten(definition[kind]["params"]))
                    untouched[key] = set(definition[kind].get("at_default", ()))
        variants: dict[tuple[tuple[str, str], str], list[dict[str, Any]]] = {}
        for apart, plain, params in found.values():
            variants.setdefault((apart, plain), []).append(params)
        varied = {name: varying_parameters(params) for name, params in variants.items()}
        self._named = {
            key: _named(plain, params, varied[apart, plain], untouched[key])
            for key, (apart, plain, params) in found.items()
        }

    def of(self, definition: Mapping[str, Any]) -> dict[str, Named]:
        """Return the names of a trial's components, by kind."""
        return {kind: self._named[_key(kind, definition)] for kind in KINDS}

    def baseline(self) -> str:
        """Return the label of random selection with the fewest switches on; "" without one."""
        randoms = [
            named
            for key, named in self._named.items()
            if named.plain == BASELINE and key.startswith("strategy")
        ]
        return min(randoms, key=lambda named: named.switched_on).label if randoms else ""


def plain_name(kind: str, definition: Mapping[str, Any]) -> str:
    """Return the component's name; a dataset goes by the name of its content."""
    return str(definition["dataset_name"] if kind == "dataset" else definition[kind]["name"])


def flatten(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Spread nested parameters: {"class_balanced": {"lambda": 1}} -> class_balanced.lambda."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        inner = flatten(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {}
        flat |= inner or {prefix + name: value}
    return flat


def spelled(value: object) -> str:
    """Write a parameter's value as labels do: yes, no, none, 0.05."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def varying_parameters(variants: list[dict[str, Any]]) -> list[str]:
    """Return the parameters that have more than one value; an absent one counts as none."""
    names = dict.fromkeys(name for params in variants for name in params)
    return [n for n in names if len({json.dumps(p.get(n)) for p in variants}) > 1]


def _named(
    plain: str, params: Mapping[str, Any], varied: Iterable[str], untouched: set[str]
) -> Named:
    varying = {name: params.get(name) for name in varied}
    said = [
        _spell(name, value)
        for name, value in varying.items()
        if name.split(".")[0] not in untouched
        or (len(varying) == 1 and isinstance(value, (int, float)) and not isinstance(value, bool))
    ]
    label = " ".join([plain, *said])
    return Named(plain, label, varying, sum(map(bool, params.values())))


def _key(kind: str, definition: Mapping[str, Any]) -> str:
    content = json.dumps(definition[kind])
    return f"{_family(kind)} {_place(kind, definition)} {content}"


def _place(kind: str, definition: Mapping[str, Any]) -> str:
    """Return the dataset where a component of this kind goes by its name on that alone."""
    return str(definition["dataset_name"]) if kind in ("dataset", "encoder") else ""


def _family(kind: str) -> str:
    return FAMILY.get(kind, kind)


def _spell(name: str, value: object) -> str:
    return f"{name}={spelled(value)}"
