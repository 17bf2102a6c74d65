"""The choice of a round: which images, in which order, by which strategy.

No image is chosen twice, nor one whose near-duplicate was chosen or answered. At most m images of a
group are chosen in a round. Images to audit are drawn at random, before all others.
"""

from __future__ import annotations

import datetime
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from rayal.contract_checks import check_choice
from rayal.contracts import Features, Indices, Labels, Predictions, Task
from rayal.feature_ties import (
    EqualFeaturesError,
    check_apart,
    common_part,
    refuse_alike,
    watched_pool,
)
from rayal.label_arrays import has_label, is_multilabel, mask_labels
from rayal.labeling import reasons
from rayal.labeling.current_files import why_lost
from rayal.labeling.errors import LabelingError
from rayal.labeling.labeled import labeled_pool
from rayal.labeling.project import Project
from rayal.labeling.rounds import Chosen, Round
from rayal.labeling.training import LEARNER, can_be_learned
from rayal.registry import ENCODERS, LEARNERS, STRATEGIES, Component
from rayal.requirements import FROM_LEARNER
from rayal.seeds import generator
from rayal.traits import StrategyTraits

FIRST_STRATEGY, LATER_STRATEGY = "kmeans", "dropquery"  # without and with a classifier
ONE_STRATEGY = "auto"  # in place of both
LONGEST_FEATURES = 8192  # dimensions up to which it is asked: beyond, components take long


@dataclass(frozen=True)
class Known:
    """What the answers say: class names, labels of those that may train, and what is closed.

    labels: (N,), or (N, C) where an image may have several classes.

    closed: (N,) whether an image can be chosen no more: it, or a near-duplicate of it, was chosen
    or has an answer.
    """

    classes: tuple[str, ...]
    labels: Labels
    closed: np.ndarray[Any, np.dtype[np.bool_]]


def known(project: Project) -> Known:
    """Read the answers of a project. Labels of images to audit train nothing."""
    pool, rounds = project.pool, project.rounds
    labeled = labeled_pool(project, project.labels)
    labels = mask_labels(labeled.labels, labeled.audit)
    touched = {rayal_id for made in rounds for rayal_id in made.ids} | set(
        project.labels.standing()
    )
    rows = [pool.position[rayal_id] for rayal_id in touched if rayal_id in pool.position]
    closed = np.isin(pool.standing, pool.standing[rows])
    return Known(labeled.classes, labels, closed)


def choose(project: Project, budget: int, audit: int) -> Round:
    """Choose the images of the next round.

    Args:
        project: whose pool is whole.
        budget: images to choose.
        audit: images to draw at random besides, first.

    Raises:
        LabelingError: nothing is left, or the strategy cannot choose.
    """
    number = len(project.rounds) + 1
    state = known(project)
    rng = generator("labeling round", project.settings.seed, number)
    gone = np.zeros(len(project.pool), dtype=bool)
    notes: list[str] = []
    audited = _with_files(
        project, gone, lambda: _draw(project, state.closed | gone, audit, rng), notes
    )
    closed = state.closed | np.isin(project.pool.standing, project.pool.standing[audited])
    query = Query.of(project, state, number)
    chosen = _with_files(project, gone, lambda: query.ask(budget, closed | gone), notes)
    if not len(chosen) and not len(audited):
        raise LabelingError(
            f"no image is left to choose of {len(project.pool):,}: all were chosen, answered, or "
            "are near-duplicates of such" + (f"; {'; '.join(notes)}" if notes else "")
        )
    notes += _shortfall(project, query.per_group, budget, len(chosen))
    return Round(
        number,
        tuple(_explained(project, state, query, audited, chosen)),
        query.strategy,
        project.settings.seed,
        budget,
        audit,
        int(has_label(state.labels).sum()),
        datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        tuple(notes),
    )


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
    def of(cls, project: Project, state: Known, number: int) -> Query:
        """Train on the labels so far, where they are of two classes, and take the strategy.

        Raises:
            LabelingError: there is no such strategy, or it needs what a project does not have.
        """
        features = np.asarray(project.features)
        predictions = train(features, state, project.settings.seed)
        default = default_strategy(features.shape[1], predictions is not None)
        component, params = _strategy(
            project.settings.strategy, default, len(features), predictions is not None
        )
        return cls(
            features,
            state.labels,
            state.classes,
            project.pool.groups,
            project.pool.standing,
            project.settings.per_group,
            component,
            params,
            predictions,
            (project.settings.seed, number),
            _are_bare_pixels(project),
        )

    @property
    def strategy(self) -> dict[str, Any]:
        """Name and parameters."""
        return {"name": self.component.name, **self.params}

    def ask(self, budget: int, closed: np.ndarray[Any, np.dtype[np.bool_]]) -> Indices:
        """Return rows (n,), n <= budget, best first, of those (N,) that are not closed."""
        rng = generator("labeling query", *self.seed)
        open_rows = (self.standing == np.arange(len(closed))) & ~closed
        taken: list[int] = []
        room = Counter[str]()
        while len(taken) < budget and open_rows.any():
            for row in self._ask_once(budget - len(taken), open_rows, rng):
                if self.per_group is None or room[self.groups[row]] < self.per_group:
                    room[self.groups[row]] += 1
                    taken.append(int(row))
            open_rows[taken] = False
            if self.per_group is not None:
                full = {group for group, count in room.items() if count >= self.per_group}
                open_rows &= np.array([group not in full for group in self.groups])
        return np.asarray(taken, dtype=np.int64)

    def _ask_once(
        self,
        budget: int,
        open_rows: np.ndarray[Any, np.dtype[np.bool_]],
        rng: np.random.Generator,
    ) -> Indices:
        rows = np.flatnonzero(open_rows | has_label(self.labels))
        budget = min(budget, int(open_rows.sum()))
        state = rng.bit_generator.state
        try:
            try:
                return self._ask_rows(budget, rows, rng)
            except EqualFeaturesError as ties:
                warnings.warn(f"{ties} in an order drawn by the seed", stacklevel=2)
                rng.bit_generator.state = state
                order = generator("labeling ties", *self.seed).permutation(len(rows))
                return self._ask_rows(budget, rows[order], rng, told=True)
        except ValueError as error:
            strategy = f"strategy '{self.component.name}'"
            named = str(error).startswith(strategy)
            raise LabelingError(str(error) if named else f"{strategy}: {error}") from error

    def _ask_rows(
        self, budget: int, rows: Indices, rng: np.random.Generator, *, told: bool = False
    ) -> Indices:
        """Return rows that the strategy chose of some; told: that features may be equal."""
        # A mapped matrix of a million rows is copied only where rows are left out.
        are_all = len(rows) == len(self.features) and not told
        features = self.features if are_all else self.features[rows]
        labels = self.labels[rows]

        def look() -> None:
            if not told:
                refuse_alike(self.component, self.params, self.features)
                if text := common_part(self.features):
                    warnings.warn(text, stacklevel=2)
                check_apart(self.component, self.params, features, budget)

        predictions = None if self.predictions is None else _of_rows(self.predictions, rows)
        kind = watched_pool(cache(look))
        pool = kind(
            features,
            labels,
            len(self.classes),
            predictions=predictions,
            bare_pixels=self.bare_pixels,
        )
        answer = self.component.function(pool, budget, rng, **self.params)
        return rows[check_choice(self.component.name, answer, labels, budget)]


def _are_bare_pixels(project: Project) -> bool:
    """Whether a project's features are the pixels; those from a file are not known to be."""
    name = project.settings.encoder.get("name")
    return name is not None and ENCODERS.find(str(name)).traits.bare_pixels


def train(features: Features, state: Known, seed: int) -> Predictions | None:
    """Train the classifier of a project on its labels.

    Args:
        features: (N, D) of the pool.
        state: its labels.
        seed: of the project.

    Returns:
        What it predicts; None where labels tell no two classes apart.
    """
    if not can_be_learned(state.labels):
        return None
    learner = LEARNERS.find(LEARNER)
    task = Task(features, features[:1], state.labels, len(state.classes))
    rng = generator("labeling classifier", seed)
    predictions: Predictions = learner.function(task, rng, **learner.bind({}))
    return predictions


def _strategy(
    requested: Mapping[str, Any], default: str, N: int, has_predictions: bool
) -> tuple[Component[StrategyTraits], dict[str, Any]]:
    spec = dict(requested) or {"name": default}
    try:
        component = STRATEGIES.find(spec.pop("name"))
        params = component.bind(spec)
        component.traits.check(
            params, N, {}
        )  # of the encoder a strategy that runs here asks nothing
    except ValueError as error:
        raise LabelingError(str(error)) from error
    if component.traits.oracle(params):
        raise LabelingError(f"strategy '{component.name}' reads true labels, which nobody has yet")
    needs = component.traits.needs(params)
    if needs & FROM_LEARNER and not has_predictions:
        component = STRATEGIES.find(default)  # a first round has no classifier
        return component, component.bind({})
    return component, params


def default_strategy(dimensions: int, has_predictions: bool) -> str:
    """Return the name of the strategy that is asked where none is named.

    dimensions: of the features, D; raw pixels have too many for the usual one.
    """
    if dimensions <= LONGEST_FEATURES:
        return ONE_STRATEGY
    return LATER_STRATEGY if has_predictions else FIRST_STRATEGY


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


def _draw(
    project: Project,
    closed: np.ndarray[Any, np.dtype[np.bool_]],
    count: int,
    rng: np.random.Generator,
) -> Indices:
    """Draw rows (n,) at random of those (N,) that are not closed, none two of one bundle."""
    order = rng.permutation(np.flatnonzero(~closed))
    first = np.sort(np.unique(project.pool.standing[order], return_index=True)[1])
    return order[first][:count]


def _with_files(
    project: Project,
    gone: np.ndarray[Any, np.dtype[np.bool_]],
    draw: Any,
    notes: list[str],
) -> Indices:
    """Draw until the files of all chosen images are as they were; others are marked as gone."""
    while True:
        rows: Indices = draw()
        lost = {int(row): why for row in rows if (why := why_lost(project, int(row)))}
        if not lost:
            return rows
        for row, why in lost.items():
            gone[row] = True
            notes.append(f"{project.pool[row].path} {why}, and was not chosen")


def _shortfall(project: Project, per_group: int | None, budget: int, chosen: int) -> list[str]:
    if chosen == budget:
        return []
    rule = f" with at most {per_group} of a group" if per_group is not None else ""
    return [f"{budget:,} images were asked for, and {chosen:,} are left to choose{rule}"]


def _explained(
    project: Project, state: Known, query: Query, audited: Indices, chosen: Indices
) -> list[Chosen]:
    """Return the images of a round in rank order, each with its reason."""
    rows = np.concatenate([audited, chosen]).astype(np.int64)
    explanations = reasons.explain(query.features, state.labels, chosen)
    probs = None if query.predictions is None else query.predictions.pool
    ids = project.pool.ids
    made = []
    for rank, row in enumerate(rows, start=1):
        purpose = "audit" if rank <= len(audited) else "selection"
        near = reasons.nearest_labeled(query.features, state.labels, int(row))
        multilabel = is_multilabel(state.labels)
        guess = reasons.guess_of(None if probs is None else probs[row], query.classes, multilabel)
        represents = explanations.get(int(row), 1)
        words = reasons.AUDIT if purpose == "audit" else reasons.in_words(guess, represents)
        near_id = "" if near is None else ids[near]
        made.append(
            Chosen(
                rank,
                ids[row],
                "audit" if purpose == "audit" else "selection",
                words,
                represents,
                near_id,
                "" if guess is None else guess.predicted,
                0.0 if guess is None else guess.confidence,
            )
        )
    return made
