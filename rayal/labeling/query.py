"""A strategy asked for images of a labeling project, whose pool it sees as in a sweep.

Of a group of images at most some are taken. Where features are equal and the strategy cannot tell
images apart by them, it is asked again of the images in an order drawn by the seed.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rayal.contract_checks import check_choice
from rayal.contracts import Features, Indices, Labels, Predictions
from rayal.feature_ties import (
    EqualFeaturesError,
    check_apart,
    common_part,
    refuse_alike,
    watched_pool,
)
from rayal.label_arrays import has_label
from rayal.labeling.answers_so_far import AnswersSoFar
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import Bools
from rayal.labeling.project import Project
from rayal.labeling.training import train
from rayal.registry import ENCODERS, STRATEGIES, Component
from rayal.requirements import FROM_LEARNER
from rayal.seeds import generator
from rayal.traits import StrategyTraits

FIRST_STRATEGY, LATER_STRATEGY = "kmeans", "dropquery"  # without and with a classifier
ONE_STRATEGY = "auto"  # in place of both
LONGEST_FEATURES = 8192  # dimensions up to which it is asked: beyond, components take long


@dataclass(frozen=True)
class Query:
    """A strategy with all that it may see, asked as often as groups make it necessary."""

    features: Features
    labels: Labels
    classes: tuple[str, ...]
    groups: Sequence[str]
    standing: Indices
    per_group: int | None
    component: Component[StrategyTraits]
    params: Mapping[str, Any]
    predictions: Predictions | None
    seed: tuple[int, int]  # the project's, and the round
    bare_pixels: bool  # what the features are

    @classmethod
    def of(cls, project: Project, so_far: AnswersSoFar, number: int) -> Query:
        """Train on the labels so far, where they are of two classes, and take the strategy.

        Args:
            project: whose pool is asked.
            so_far: its answers.
            number: of the round.

        Raises:
            LabelingError: there is no such strategy, or it needs what a project does not have.
        """
        settings = project.settings
        features = np.asarray(project.features)
        predictions = train(features, so_far.labels, len(so_far.classes), settings.seed)
        has_predictions = predictions is not None
        default = default_strategy(features.shape[1], has_predictions)
        component, params = _strategy(settings.strategy, default, len(features), has_predictions)
        return cls(
            features=features,
            labels=so_far.labels,
            classes=so_far.classes,
            groups=project.pool.groups,
            standing=project.pool.standing,
            per_group=settings.per_group,
            component=component,
            params=params,
            predictions=predictions,
            seed=(settings.seed, number),
            bare_pixels=_are_bare_pixels(project),
        )

    @property
    def strategy(self) -> dict[str, Any]:
        """Name and parameters."""
        return {"name": self.component.name, **self.params}

    def ask(self, budget: int, closed: Bools) -> Indices:
        """Return rows (n,), n <= budget, best first, of those (N,) that are not closed.

        Raises:
            LabelingError: the strategy cannot choose.
        """
        rng = generator("labeling query", *self.seed)
        open_rows = (self.standing == np.arange(len(closed))) & ~closed
        taken: list[int] = []
        in_group = Counter[str]()
        while len(taken) < budget and open_rows.any():
            for row in self._ask_once(budget - len(taken), open_rows, rng):
                if self.per_group is None or in_group[self.groups[row]] < self.per_group:
                    in_group[self.groups[row]] += 1
                    taken.append(int(row))
            open_rows[taken] = False
            if self.per_group is not None:
                full = {group for group, count in in_group.items() if count >= self.per_group}
                open_rows &= np.array([group not in full for group in self.groups])
        return np.asarray(taken, dtype=np.int64)

    def _ask_once(self, budget: int, open_rows: Bools, rng: np.random.Generator) -> Indices:
        rows = np.flatnonzero(open_rows | has_label(self.labels))
        budget = min(budget, int(open_rows.sum()))
        try:
            return self._ask_again_of_equal(budget, rows, rng)
        except ValueError as error:
            strategy = f"strategy '{self.component.name}'"
            named = str(error).startswith(strategy)
            raise LabelingError(str(error) if named else f"{strategy}: {error}") from error

    def _ask_again_of_equal(self, budget: int, rows: Indices, rng: np.random.Generator) -> Indices:
        state = rng.bit_generator.state
        try:
            return self._ask_rows(budget, rows, rng)
        except EqualFeaturesError as ties:
            warnings.warn(f"{ties} in an order drawn by the seed", stacklevel=2)
            rng.bit_generator.state = state
            order = generator("labeling ties", *self.seed).permutation(len(rows))
            return self._ask_rows(budget, rows[order], rng, told=True)

    def _ask_rows(
        self, budget: int, rows: Indices, rng: np.random.Generator, *, told: bool = False
    ) -> Indices:
        """Return rows that the strategy chose of some; told: that features may be equal."""
        # A mapped matrix of a million rows is copied only where rows are left out.
        are_all = len(rows) == len(self.features) and not told
        features = self.features if are_all else self.features[rows]
        labels = self.labels[rows]

        def check_features() -> None:
            if not told:
                refuse_alike(self.component, self.params, self.features)
                if text := common_part(self.features):
                    warnings.warn(text, stacklevel=2)
                check_apart(self.component, self.params, features, budget)

        predictions = None if self.predictions is None else _of_rows(self.predictions, rows)
        kind = watched_pool(cache(check_features))
        pool = kind(
            features,
            labels,
            len(self.classes),
            predictions=predictions,
            bare_pixels=self.bare_pixels,
        )
        answer = self.component.function(pool, budget, rng, **self.params)
        return rows[check_choice(self.component.name, answer, labels, budget)]


def default_strategy(dimensions: int, has_predictions: bool) -> str:
    """Return the name of the strategy that is asked where none is named.

    Args:
        dimensions: of the features, D; raw pixels have too many for the usual one.
        has_predictions: whether there is a classifier.
    """
    if dimensions <= LONGEST_FEATURES:
        return ONE_STRATEGY
    return LATER_STRATEGY if has_predictions else FIRST_STRATEGY


def _strategy(
    requested: Mapping[str, Any], default: str, N: int, has_predictions: bool
) -> tuple[Component[StrategyTraits], dict[str, Any]]:
    spec = dict(requested) or {"name": default}
    try:
        component = STRATEGIES.find(spec.pop("name"))
        params = component.bind(spec)
        # A strategy that runs here asks nothing of the encoder's parameters.
        component.traits.check(params, N, {})
    except ValueError as error:
        raise LabelingError(str(error)) from error
    if component.traits.oracle(params):
        raise LabelingError(f"strategy '{component.name}' reads true labels, which nobody has yet")
    if component.traits.needs(params) & FROM_LEARNER and not has_predictions:
        component = STRATEGIES.find(default)  # a first round has no classifier
        return component, component.bind({})
    return component, params


def _are_bare_pixels(project: Project) -> bool:
    """Whether a project's features are the pixels; those from a file are not known to be."""
    name = project.settings.encoder.get("name")
    return name is not None and ENCODERS.find(str(name)).traits.bare_pixels


def _of_rows(predictions: Predictions, rows: Indices) -> Predictions:
    """Return what a learner predicts of some rows (n,) of the pool, each part on first use."""

    def part(name: str) -> Any:
        array = getattr(predictions, name)
        return None if array is None else lambda: array()[rows]

    return Predictions(
        test=predictions.test,
        predict_pool=lambda: predictions.pool[rows],
        penultimate_features=part("penultimate_features"),
        prototype_outputs=part("prototype_outputs"),
        last_layer=predictions.last_layer,
    )
