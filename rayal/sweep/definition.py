"""What determines a trial, as plain data, and the id that is the hash of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Registry
from rayal.sweep.names import Named, Names

REGISTRIES: Mapping[str, Registry[Any]] = {
    "dataset": DATASETS,
    "encoder": ENCODERS,
    "initial": STRATEGIES,
    "strategy": STRATEGIES,
    "learner": LEARNERS,
}
BORROWED: Mapping[str, Registry[Any]] = {  # keys of a strategy's entry
    "select_on": ENCODERS,
    "scored_by": LEARNERS,
}
ENCODER_SEED = 0  # of an encoder that is asked for without one
IDENTITY = 1  # part of every id; raised by hand when the meaning of a definition changes


@dataclass(frozen=True)
class Spec:
    """A component by name, with all its parameters.

    files: SHA-256 of the files that parameters name, by parameter. source: that of the source of a
    plugin's component. Both are empty for most components. implied: parameters that nobody stated
    and whose default was another in an earlier version; no part of what the component is.
    borrowed: what a strategy chooses by in place of the trial's own, by the key of its entry:
    `select_on`, the encoder whose features it reads, `scored_by`, the learner whose predictions.
    """

    name: str
    params: Mapping[str, Any]
    files: Mapping[str, str] = field(default_factory=dict)
    source: str = ""
    implied: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    borrowed: Mapping[str, Spec] = field(default_factory=dict)

    @property
    def select_on(self) -> Spec | None:
        """The encoder whose features a strategy reads; None for the trial's own."""
        return self.borrowed.get("select_on")

    @property
    def scored_by(self) -> Spec | None:
        """The learner whose predictions a strategy reads; None for the trial's own."""
        return self.borrowed.get("scored_by")

    def without(self, key: str) -> Spec:
        """A strategy that borrows nothing by this key."""
        return replace(self, borrowed={k: v for k, v in self.borrowed.items() if k != key})

    def as_former(self) -> Spec:
        """The component as an earlier version took the same words."""
        params = {name: value for name, value in self.params.items() if name not in self.implied}
        return replace(self, params=params, implied=frozenset())

    def as_json(self) -> dict[str, Any]:
        """The component as plain data."""
        own = {"name": self.name, "params": dict(self.params), **self._contents()}
        return own | {name: spec.as_json() for name, spec in self.borrowed.items()}

    def identity(self) -> dict[str, Any]:
        """What ids are made of: of a file its content counts, not where it lies."""
        params = {name: value for name, value in self.params.items() if name not in self.files}
        own = {"name": self.name, "params": params, **self._contents()}
        return own | {name: spec.identity() for name, spec in self.borrowed.items()}

    def without_contents(self) -> Spec:
        """The component by its name and parameters alone."""
        plain = {name: spec.without_contents() for name, spec in self.borrowed.items()}
        return replace(self, files={}, source="", borrowed=plain)

    def _contents(self) -> dict[str, Any]:
        files = {"files": dict(self.files)} if self.files else {}
        return {**files, **({"source": self.source} if self.source else {})}

    def to_kwargs(self) -> dict[str, Any]:
        """The parameters as the component's function takes them: a list is a tuple in Python."""
        return {k: tuple(v) if isinstance(v, list) else v for k, v in self.params.items()}


@dataclass(frozen=True)
class Trial:
    """One experiment: what is chosen from, by what, how many, in which order, with which seed.

    schedule: labeled images in all after each round; one entry is a single query, in which
    `initial` and `strategy` are the same. scorer: what lends predictions to a first query that
    needs some, where the sweep asked for that; "" otherwise. record_losses: whether its record has
    the losses of its queries; record_embeddings: of how many images it has the place in a plane of
    each query. Both are no part of what it is, as they change no result.
    """

    dataset: Spec
    dataset_name: str
    content: str
    encoder: Spec
    initial: Spec
    strategy: Spec
    learner: Spec
    schedule: tuple[int, ...]
    seed: int
    scorer: str = ""
    record_losses: bool = False
    record_embeddings: int = 0

    @cached_property
    def embedding_id(self) -> str:
        """Hash of the dataset and the encoder; the trials that share it share the features."""
        return digest(IDENTITY, self.dataset_name, self.content, self.encoder.identity())

    @cached_property
    def encodings(self) -> dict[str, Trial]:
        """The embeddings that the trial needs by id, its own first.

        Each with the trial as it would be on that encoder, which is how an embedding is asked for.
        """
        lent = [spec.select_on for spec in (self.initial, self.strategy) if spec.select_on]
        others = [replace(self, encoder=encoder) for encoder in lent]
        return {trial.embedding_id: trial for trial in (self, *others)}

    def encoder_of_query(self, query: Spec) -> Spec:
        """Return the encoder whose features one of its strategies reads."""
        return query.select_on or self.encoder

    def embedding_of_query(self, query: Spec) -> str:
        """Return the id of the embedding that one of its strategies reads."""
        return replace(self, encoder=self.encoder_of_query(query)).embedding_id

    @cached_property
    def id(self) -> str:
        """Hash of all that determines the result; where the data lie does not."""
        return digest(
            self.embedding_id,
            *(spec.identity() for spec in (self.initial, self.strategy, self.learner)),
            self.schedule,
            self.seed,
            *([self.scorer] if self.scorer else []),
        )

    def without_contents(self) -> Trial:
        """The trial as it was known before files and sources were part of its id."""
        specs = {kind: getattr(self, kind).without_contents() for kind in REGISTRIES}
        return replace(self, **specs)

    def definition(self) -> dict[str, Any]:
        """The trial as plain data, for records and for people."""
        specs = {kind: getattr(self, kind).as_json() for kind in REGISTRIES}
        return {
            **specs,
            "schedule": list(self.schedule),
            "seed": self.seed,
            "dataset_name": self.dataset_name,
            "artefact": self.embedding_id,
            **({"artefacts": list(self.encodings)} if len(self.encodings) > 1 else {}),
            **({"scorer": self.scorer} if self.scorer else {}),
        }


def marked_definition(trial: Trial) -> dict[str, Any]:
    """The definition, with `at_default` in each component and `oracle` where a strategy is one.

    at_default: names of the parameters that stand at their defaults. former: of an encoder, the
    parameters that its id does not name, which stand at what was their default before. oracle:
    true where the query has seen labels that are not revealed yet, the pool's or, by its scorer,
    the test set's.
    """
    definition = trial.definition()
    for kind in REGISTRIES:
        spec: Spec = getattr(trial, kind)
        definition[kind]["at_default"] = parameters_at_default(REGISTRIES[kind], spec)
        for name, lent in spec.borrowed.items():
            at_default = parameters_at_default(BORROWED[name], lent)
            definition[kind][name]["at_default"] = at_default
    if former := _at_former_default(trial.encoder):
        definition["encoder"]["former"] = former
    for kind in ("initial", "strategy"):
        spec = getattr(trial, kind)
        is_scored = trial.scorer and (kind == "initial" or len(trial.schedule) == 1)
        if is_scored or STRATEGIES.find(spec.name).traits.oracle(spec.params):
            definition[kind]["oracle"] = True
    return definition


def _at_former_default(encoder: Spec) -> dict[str, Any]:
    """Return the parameters that an encoder's id leaves out, with what they are then."""
    former = ENCODERS.find(encoder.name).traits.former
    return {name: value for name, value in former.items() if name not in encoder.params}


def names_alone(trial: Trial) -> dict[str, Named]:
    """Return the plain names of a trial's components by kind, for who knows of no plan."""
    definition = trial.definition()
    return Names([definition]).of(definition)


def parameters_at_default(registry: Registry[Any], spec: Spec) -> list[str]:
    """Return the names of the parameters that stand at their defaults, whoever set them."""
    signature = registry.find(spec.name).parameters
    defaults = {name: parameter.default for name, parameter in signature.items()}
    if registry is ENCODERS:
        defaults["seed"] = ENCODER_SEED
    return [
        name
        for name, default in defaults.items()
        if name in spec.params and _as_text(spec.params[name]) == _as_text(default)
    ]


def _as_text(value: object) -> str:
    """Write a value as JSON, in which a tuple is a list."""
    return json.dumps(value, default=str, sort_keys=True)


class EncodingStage(NamedTuple):
    """An embedding that some trials need.

    trial: one on its encoder, by which it is asked for; trials: all that need it.
    """

    trial: Trial
    trials: list[Trial]


def encoding_stages(trials: Iterable[Trial]) -> dict[str, EncodingStage]:
    """Return the embeddings that trials need by id, in the order in which they are needed."""
    stages: dict[str, EncodingStage] = {}
    for trial in trials:
        for key, asking in trial.encodings.items():
            stages.setdefault(key, EncodingStage(asking, [])).trials.append(trial)
    return stages


def group_by_embeddings(trials: Iterable[Trial]) -> dict[tuple[str, ...], list[Trial]]:
    """Group trials by the ids of the embeddings that they need, in the order of the trials."""
    groups: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        groups.setdefault(tuple(trial.encodings), []).append(trial)
    return groups


def digest(*content: object) -> str:
    """Return 16 hexadecimal digits that name this content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
