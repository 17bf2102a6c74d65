"""A sweep file: YAML -> Sweep, checked in form. Names are resolved when it is planned.

Only the lists multiply: datasets, encoders, initial, strategies, learners, budgets. An entry is a
name, or a mapping of a name and parameters.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rayal.registry import nearest
from rayal.sweep import yaml
from rayal.sweep.entries import Entry, as_entry
from rayal.sweep.errors import SweepError
from rayal.sweep.overrides import apply_override


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Entries = Annotated[list[Annotated[Entry, BeforeValidator(as_entry)]], Field(min_length=1)]
Amount = int | str  # images, or a share of the pool such as "0.5%"


class Share(_Strict):
    """CPUs and GPUs that one piece of work takes; fractions share a device."""

    cpus: Annotated[float, Field(gt=0)] = 1
    gpus: Annotated[float, Field(ge=0)] = 0

    @property
    def threads(self) -> int:
        return max(1, math.floor(self.cpus))


class Autoscale(Share):
    """Nodes that a cluster starts when there is work, and what each of them has."""

    nodes: Annotated[int, Field(ge=1)] = 1


class Price(_Strict):
    """What an hour costs, in any currency: with a GPU, of a CPU core alone, and of the head.

    lost: share of the work that is done again because workers are taken away.
    """

    gpu: Annotated[float, Field(ge=0)] = 0
    cpu: Annotated[float, Field(ge=0)] = 0
    head: Annotated[float, Field(ge=0)] = 0
    lost: Annotated[float, Field(ge=0)] = 0


class Resources(_Strict):
    """What each stage takes, and how many CPUs a Ray started here may use (0: all).

    autoscale: what a joined cluster can grow by; Ray does not tell before it has grown.
    price: for the bill that a dry run works out.
    """

    pretrain: Share = Share(cpus=2)
    trial: Share = Share()
    machine_cpus: Annotated[int, Field(ge=0)] = 0
    autoscale: Autoscale | None = None
    price: Price | None = None


class Hours(_Strict):
    """An estimate of what the whole sweep takes: hours with a GPU, hours of a CPU core alone."""

    gpus: Annotated[float, Field(ge=0)] = 0
    cpus: Annotated[float, Field(ge=0)] = 0


class Track(_Strict):
    """Where runs are shown besides the run's own report: nowhere unless asked."""

    mlflow: str | None = None  # a tracking URI: sqlite:///runs.db, http://127.0.0.1:5000
    tensorboard: str | None = None  # a directory
    wandb: Literal["offline"] | None = None  # in the run's directory, to be sent with `wandb sync`


class Cycles(_Strict):
    """Labelled images at the first round, more at each later one, and rounds in all.

    step: one for all later rounds, or a list with one for each.
    """

    start: Amount
    step: Amount | list[Amount]
    rounds: Annotated[int, Field(ge=2)]


class Part(_Strict):
    """One product of lists. The top level of a file is a part, or the defaults of several."""

    datasets: Entries
    encoders: Entries
    strategies: Entries
    learners: Entries
    initial: Entries | None = None
    budgets: Annotated[list[Amount], Field(min_length=1)] | None = None
    cycles: Cycles | None = None
    seeds: int | dict[str, int] = 5
    scorer: Literal["trained-on-test-set"] | None = None


class _File(_Strict):
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    question: str = ""
    cost: str = ""
    hours: Hours = Hours()
    expect: str = ""
    plugins: list[str] = []
    resources: Resources = Resources()
    track: Track = Track()
    parts: dict[str, Part]


@dataclass(frozen=True)
class Sweep:
    """A sweep file, read and checked in form."""

    name: str
    question: str
    cost: str
    hours: Hours
    expect: str
    resources: Resources
    track: Track
    plugins: tuple[Path, ...]
    parts: Mapping[str, Part]
    resolved: Mapping[str, Any] = field(repr=False)

    def as_yaml(self) -> str:
        """The file with every --set applied."""
        return yaml.dump(self.resolved)


def load_sweep(path: Path, overrides: Sequence[str] = ()) -> Sweep:
    """Read a sweep file and apply `key=value` overrides.

    Raises:
        SweepError: the file is missing, is no plain YAML, or has unknown keys or wrong types.
    """
    tree = yaml.read(path)
    for override in overrides:
        apply_override(tree, override)
    parts = _inherit_defaults(tree)
    general = {key: value for key, value in tree.items() if key in _File.model_fields}
    try:
        read = _File.model_validate({**general, "parts": parts})
    except ValidationError as error:
        raise SweepError(f"{path}: {_explain(error, tree)}") from None
    return Sweep(
        name=read.name,
        question=read.question.strip(),
        cost=read.cost.strip(),
        hours=read.hours,
        expect=read.expect.strip(),
        resources=read.resources,
        track=read.track,
        plugins=tuple((path.parent / plugin).resolve() for plugin in read.plugins),
        parts=read.parts,
        resolved=tree,
    )


def _inherit_defaults(tree: dict[str, Any]) -> dict[str, Any]:
    """Give every part what the top level says and it does not."""
    defaults = {key: tree[key] for key in Part.model_fields if key in tree}
    unknown = [key for key in tree if key not in {*Part.model_fields, *_File.model_fields}]
    if unknown:
        known = [*_File.model_fields, *Part.model_fields]
        raise SweepError(f"unknown key '{unknown[0]}'{nearest(unknown[0], known)}")
    parts = tree.get("parts", {"all": {}})
    if not isinstance(parts, dict) or not all(isinstance(p, dict) for p in parts.values()):
        raise SweepError("parts: give a mapping of names to parts")
    return {label: {**_defaults_for(part, defaults), **part} for label, part in parts.items()}


def _defaults_for(part: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """What a part inherits: budgets and cycles exclude each other, its own choice wins."""
    shape = {"budgets", "cycles"}
    own_shape = shape & part.keys()
    return {key: value for key, value in defaults.items() if not (own_shape and key in shape)}


def _explain(error: ValidationError, tree: Mapping[str, Any]) -> str:
    """Turn the first of pydantic's errors into one sentence with the place and the way out."""
    first = error.errors()[0]
    place = [str(step) for step in first["loc"]]
    if place[:2] == ["parts", "all"] and "parts" not in tree:
        place = place[2:]
    where = ".".join(place)
    if first["type"] == "extra_forbidden":
        known = _known_beside(first["loc"])
        return f"unknown key '{where}'{nearest(place[-1], known)}; known: {', '.join(known)}"
    if first["type"] == "missing":
        return f"'{where}' is missing"
    return f"{where}: {first['input']!r} is refused: {first['msg'][0].lower()}{first['msg'][1:]}"


def _known_beside(place: Sequence[int | str]) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "resources": Resources,
        "cycles": Cycles,
        "track": Track,
        "pretrain": Share,
        "trial": Share,
        "autoscale": Autoscale,
        "price": Price,
        "hours": Hours,
    }
    for step in reversed(place[:-1]):
        if step in models:
            return list(models[str(step)].model_fields)
    outermost: type[BaseModel] = Part if place[0] == "parts" else _File
    return list(outermost.model_fields)
