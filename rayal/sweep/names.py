"""Names of components as people read them: the name, and the parameters that tell it apart.

The plan, the progress, the status, trackers and the report all name components by these rules, from
a run's definitions (those of plan.json), so that one component has one name everywhere:

* what stands at its default is left out: "hacon", "hacon tau=0.001", "entropy label_balanced=yes";
* of a strategy all else is given, of datasets, encoders and learners, which have recipes of a dozen
  parameters, what varies in the run;
* where one number alone varies, each of its values is given: "hacon k=20", "hacon k=30".

* where all that is stated is the same, and a file behind it or its source is another one, as in
  runs before and after a change, the hash of that is given: "mine source=1a2b3c4d";
* what a strategy selects on or is scored by in place of the trial's own is given by its name:
  "kmeans select_on=random", "entropy scored_by=linear".

Encoders are told apart on each dataset for itself: what differs between datasets is no choice. A
first and a later query are made by the same kind of component, so that a strategy has one name in
both places. Where definitions of an older run do not mark defaults, what varies is all that is
given.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

SHOWN = 8  # digits of a hash
KINDS = ("dataset", "encoder", "initial", "strategy", "learner")
FAMILY = {"initial": "strategy"}
BORROWED = {"select_on": "encoder", "scored_by": "learner"}  # keys of a strategy, their family


class Named(NamedTuple):
    """A component's plain name, its label, its varying parameters, and how many are switched on."""

    plain: str
    label: str
    varying: Mapping[str, Any]
    switched_on: int


class _Component(NamedTuple):
    """One component of a definition; at_default: names of parameters, None where not known.

    contents: hashes of its source and of the files that its parameters name, by the parameter.
    """

    family: str
    place: str
    plain: str
    params: Mapping[str, Any]
    at_default: Collection[str] | None
    contents: Mapping[str, str]

    @property
    def group(self) -> tuple[str, str, str]:
        """What this component has to be told apart within."""
        return self.family, self.place, self.plain


class Names:
    """The names of all components of a run's trials, given their definitions."""

    def __init__(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        definitions = list(definitions)
        others: dict[str, _Component] = {}
        for definition in definitions:
            for kind in _kinds(definition):
                if _family(kind) != "strategy" and (key := _key(kind, definition)) not in others:
                    others[key] = _component(kind, definition)
            others |= {key: one for key, one in _borrowed(definition) if key not in others}
        self._named = _told_apart(others)
        strategies: dict[str, _Component] = {}
        for definition in definitions:
            for kind in _kinds(definition):
                if (
                    _family(kind) == "strategy"
                    and (key := _key(kind, definition)) not in strategies
                ):
                    strategies[key] = self._query(kind, definition)
        self._named |= _told_apart(strategies)

    def _query(self, kind: str, definition: Mapping[str, Any]) -> _Component:
        """Return a strategy that has the names of what it borrows among its parameters."""
        component, stated = _component(kind, definition), definition[kind]
        lent = {
            key: _bracketed(self._named[_borrowed_key(key, stated[key])].label)
            for key in BORROWED
            if key in stated
        }
        return component._replace(params={**component.params, **lent})

    def of(self, definition: Mapping[str, Any]) -> dict[str, Named]:
        """Return the names of the components that a definition has, by kind."""
        return {kind: self._named[_key(kind, definition)] for kind in _kinds(definition)}

    def strategies(self) -> list[Named]:
        """Return the names of all strategies, of first and of later queries."""
        return [named for key, named in self._named.items() if key.startswith("strategy ")]


def query_label(names: Mapping[str, Named], schedule: Sequence[int]) -> str:
    """Name what chooses: the strategy, behind the first query's where there are several rounds."""
    later = names["strategy"].label
    return later if len(schedule) == 1 else f"{names['initial'].label}, then {later}"


def recipe(component: Mapping[str, Any]) -> str:
    """Write a component of a marked definition with all that was changed: "moco (epochs=3)"."""
    params = flatten(component["params"])
    changed = [
        f"{name}={spell(value)}"
        for name, value in params.items()
        if name.split(".")[0] not in component["at_default"]
    ]
    return f"{component['name']} ({', '.join(changed)})" if changed else str(component["name"])


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


def spell(value: object) -> str:
    """Write a parameter's value as labels do: yes, no, none, 0.05, [0.1, 1]."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(spell, value))}]"
    return f"{value:.12g}" if isinstance(value, float) else f"{value}"


def varying_parameters(variants: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that have more than one value; an absent one counts as none."""
    names = dict.fromkeys(name for params in variants for name in params)
    return [n for n in names if len({json.dumps(p.get(n)) for p in variants}) > 1]


def _kinds(definition: Mapping[str, Any]) -> list[str]:
    return [kind for kind in KINDS if kind in definition]


def _family(kind: str) -> str:
    return FAMILY.get(kind, kind)


def _component(kind: str, definition: Mapping[str, Any]) -> _Component:
    plain = plain_name(kind, definition)
    return _stated(_family(kind), _place(kind, definition), plain, definition[kind])


def _stated(family: str, place: str, plain: str, component: Mapping[str, Any]) -> _Component:
    at_default = component.get("at_default")
    params = {**component.get("former", {}), **component["params"]}
    contents = {"source": component.get("source"), **component.get("files", {})}
    hashes = {name: str(value)[:SHOWN] for name, value in contents.items() if value}
    return _Component(family, place, plain, flatten(params), at_default, hashes)


def _borrowed(definition: Mapping[str, Any]) -> Iterator[tuple[str, _Component]]:
    """Yield what strategies borrow, by the keys they are named under.

    An encoder among those of the dataset, which it is made of as the trial's own is, and among
    themselves, for the names of strategies, which are one on all datasets. A learner among all.
    """
    for kind in ("initial", "strategy"):
        for key, family in BORROWED.items():
            stated = definition.get(kind, {}).get(key)
            if stated is not None:
                plain, place = str(stated["name"]), _place(family, definition)
                yield (
                    f"{family} {place} {json.dumps(stated)}",
                    _stated(family, place, plain, stated),
                )
                if place:
                    yield _borrowed_key(key, stated), _stated(key, "", plain, stated)


def _borrowed_key(key: str, stated: Mapping[str, Any]) -> str:
    family = BORROWED[key]
    return f"{key if family == 'encoder' else family}  {json.dumps(stated)}"


def _bracketed(label: str) -> str:
    """Keep a name of several words together."""
    return f"({label})" if " " in label else label


def _told_apart(components: Mapping[str, _Component]) -> dict[str, Named]:
    variants: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
    for component in components.values():
        variants.setdefault(component.group, []).append(component.params)
    varying = {group: varying_parameters(params) for group, params in variants.items()}
    named = {key: _named(one, varying[one.group]) for key, one in components.items()}
    return _with_contents(named, components)


def _with_contents(
    named: Mapping[str, Named], components: Mapping[str, _Component]
) -> dict[str, Named]:
    """Give the hashes of what differs where components of one label are not of one content."""
    alike: dict[tuple[Any, ...], list[Mapping[str, str]]] = {}
    for key, one in components.items():
        alike.setdefault((one.group, named[key].label), []).append(one.contents)
    labels = {}
    for key, one in components.items():
        differing = varying_parameters(alike[one.group, named[key].label])
        hashes = (f"{name}={one.contents.get(name, 'unknown')}" for name in differing)
        labels[key] = " ".join([named[key].label, *hashes])
    return {key: one._replace(label=labels[key]) for key, one in named.items()}


def _named(component: _Component, varying: Sequence[str]) -> Named:
    params, at_default = component.params, component.at_default
    distinguished = set(varying)
    if component.family == "strategy" and at_default is not None:
        distinguished |= params.keys()
    values = {name: params.get(name) for name in varying}
    shown = [
        f"{name}={spell(value)}"
        for name, value in {**params, **values}.items()
        if name in distinguished
        and not (name in BORROWED and value is None)
        and not (component.family == "strategy" and _is_left_out(name, component))
        and (name.split(".")[0] not in (at_default or ()) or _is_only_number(name, values))
    ]
    label = " ".join([component.plain, *shown])
    return Named(component.plain, label, values, sum(map(bool, params.values())))


def _is_left_out(name: str, component: _Component) -> bool:
    """Whether a marked definition leaves a parameter out, as it does one that came later.

    It then stands at its default, which names do not say.
    """
    stated = {stated.split(".")[0] for stated in component.params}
    return component.at_default is not None and name.split(".")[0] not in stated


def _is_only_number(name: str, varying: Mapping[str, Any]) -> bool:
    """Whether nothing varies but this, and it is a number."""
    value = varying.get(name)
    return len(varying) == 1 and isinstance(value, int | float) and not isinstance(value, bool)


def _key(kind: str, definition: Mapping[str, Any]) -> str:
    return f"{_family(kind)} {_place(kind, definition)} {json.dumps(definition[kind])}"


def _place(kind: str, definition: Mapping[str, Any]) -> str:
    """Return the dataset where a component of this kind goes by its name on that alone."""
    return str(definition["dataset_name"]) if kind in ("dataset", "encoder") else ""
