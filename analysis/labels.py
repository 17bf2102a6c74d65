"""Names of components as people read them: the name, and the parameters that tell it apart.

A run may hold two strategies named `hacon`, one with k=20 and one with k=budget. Parameters that
have one value in the whole run say nothing; those that vary make the label "hacon k=20".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

BASELINE = "random"
KINDS = ("dataset", "encoder", "initial", "strategy", "learner")
# The first and the later queries are made by the same kind of component, so that one strategy
# has one label in both places.
FAMILY = {"initial": "strategy"}


@dataclass(frozen=True)
class Names:
    """Varying parameters of a run's components, by family and name."""

    varied: Mapping[tuple[str, str], list[str]]

    def varying(self, kind: str, definition: Mapping[str, Any]) -> dict[str, Any]:
        """Return `kind.parameter` -> value for the parameters that vary in this run."""
        params = flatten(definition[kind]["params"])
        names = self.varied[_family(kind), plain_name(kind, definition)]
        return {f"{kind}.{name}": params.get(name) for name in names}

    def label(self, kind: str, definition: Mapping[str, Any]) -> str:
        """Return the name joined with the values of its varying parameters."""
        values = self.varying(kind, definition)
        named = {name.partition(".")[2]: value for name, value in values.items()}
        return " ".join([plain_name(kind, definition), *map(_spell, named, named.values())])

    def baseline(self, definitions: Iterable[Mapping[str, Any]]) -> str:
        """Return the label of random selection with the fewest switches on; "" without one."""
        randoms = {
            self.label(kind, definition): sum(map(bool, definition[kind]["params"].values()))
            for definition in definitions
            for kind in ("strategy", "initial")
            if definition[kind]["name"] == BASELINE
        }
        return min(randoms, key=lambda label: randoms[label], default="")


def name_components(definitions: Iterable[Mapping[str, Any]]) -> Names:
    """Find which parameters vary among components of the same name."""
    seen: dict[tuple[str, str], dict[str, None]] = {}
    for definition in definitions:
        for kind in KINDS:
            key = (_family(kind), plain_name(kind, definition))
            text = json.dumps(definition[kind]["params"], sort_keys=True)
            seen.setdefault(key, {}).setdefault(text, None)
    return Names({key: _varied(map(json.loads, texts)) for key, texts in seen.items()})


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


def _varied(variants: Iterable[Mapping[str, Any]]) -> list[str]:
    flat = [flatten(params) for params in variants]
    names = dict.fromkeys(name for params in flat for name in params)
    return [n for n in names if len({json.dumps(p.get(n)) for p in flat}) > 1]


def _family(kind: str) -> str:
    return FAMILY.get(kind, kind)


def _spell(name: str, value: object) -> str:
    if isinstance(value, bool):
        return f"{name}={'yes' if value else 'no'}"
    if value is None:
        return f"{name}=none"
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"
