"""What components may need beyond features and labels: one table, the only one.

A strategy or learner names its `needs`, an encoder or learner what it `gives`, by the names of
this table. A plan compares them before anything is computed. To add a need, add a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Provider: TypeAlias = Literal["dataset", "encoder", "learner"]
QueryArray: TypeAlias = Literal["", "features", "labels", "probs", "confidence"]


@dataclass(frozen=True)
class Requirement:
    """One thing that a component may read.

    name: in `needs` and `gives`, and in a sweep's messages unless noun is given.
    providers: the kinds of component that can give it. What a learner is among them for, no first
        query can have: nothing has been learned before the first label.
    what, source: what it is and what gives it, as the guide to strategies tells it.
    remedy: what to change in a sweep where it is absent.
    query_array: the argument of `rayal.query` that stands for it; "" where no array can.
    passes: where that argument has to hold several passes (T, N, C), what each of them is.
    """

    name: str
    providers: tuple[Provider, ...]
    what: str
    source: str
    noun: str = ""
    remedy: str = ""
    query_array: QueryArray = ""
    passes: str = ""


REQUIREMENTS = {
    requirement.name: requirement
    for requirement in (
        Requirement(
            name="map",
            providers=("encoder",),
            noun="the dataset map",
            what="confidence and variability of each image while the encoder trained",
            source="`moco`",
            remedy="use an encoder that is trained here (moco), or an order that needs no map "
            "(order: centroid)",
            query_array="confidence",
        ),
        Requirement(
            name="truth_map",
            providers=("encoder",),
            noun="the map by true labels",
            what="the same of a supervised run on the true labels",
            source="an encoder's `truth_epochs`",
            remedy="set the encoder's truth_epochs, such as 30 (it then trains on the true labels)",
        ),
        Requirement(
            name="views",
            providers=("encoder", "learner"),
            what="features of augmented copies of each image",
            source="an encoder's `views`",
            remedy="set the encoder's views, such as 5, and use a learner that predicts on them, "
            "or one that trains a network with augmentation (scratch)",
            query_array="probs",
            passes="augmented copies",
        ),
        Requirement(
            name="weights",
            providers=("encoder",),
            what="the weights of the encoder's network, for learners that train it further",
            source="`moco`, `random`, `checkpoint`",
            remedy="use an encoder with a network of ours (moco, random, checkpoint) whose "
            "`features` stay as they are (a strategy may take transformed ones by select_on), or "
            "the learner scratch",
        ),
        Requirement(
            name="images",
            providers=("dataset",),
            what="the pixels",
            source="every dataset",
        ),
        Requirement(
            name="initial_pool",
            providers=("dataset",),
            what="which images are set aside as first labels",
            source="a dataset's `imbalance`",
        ),
        Requirement(
            name="val",
            providers=("dataset",),
            what="a validation set, for learners that watch the loss on one",
            source="datasets that are published with one",
        ),
        Requirement(
            name="labels",
            providers=("learner",),
            what="at least one label",
            source="the rounds before",
            query_array="labels",
        ),
        Requirement(
            name="predictions",
            providers=("learner",),
            what="(N, C) class probabilities",
            source="every learner",
            query_array="probs",
        ),
        Requirement(
            name="hidden",
            providers=("learner",),
            what="(N, H), what the last layer sees",
            source="every learner",
            remedy="use a learner with a last layer (linear)",
            query_array="features",
        ),
        Requirement(
            name="last_layer",
            providers=("learner",),
            noun="the weights of the last layer",
            what="(C, H + 1), the weights of the last layer, bias last",
            source="every learner but `knn`",
            remedy="use a learner with a linear last layer (logistic, linear)",
        ),
        Requirement(
            name="dropout",
            providers=("learner",),
            what="T Monte-Carlo passes, (N, C) each",
            source="`linear` with `dropout`",
            remedy="set the learner's dropout, such as {name: linear, dropout: 0.5}",
            query_array="probs",
            passes="Monte-Carlo passes",
        ),
        Requirement(
            name="prototypes",
            providers=("learner",),
            what="(N, C - 1) outputs before fixed prototypes",
            source="`linear` with `prototypes: true`",
            remedy="set the learner's prototypes, such as {name: linear, prototypes: true}",
            query_array="features",
        ),
    )
}


def given_by(provider: Provider) -> frozenset[str]:
    """Return the names of what components of this kind can give."""
    return frozenset(name for name, row in REQUIREMENTS.items() if provider in row.providers)


FROM_ENCODER = given_by("encoder")
FROM_LEARNER = given_by("learner")


def listed(names: Iterable[str]) -> str:
    """Name requirements in a message: "predictions and the dataset map"."""
    return " and ".join(sorted(REQUIREMENTS[name].noun or name for name in names))


def remedies(names: Iterable[str]) -> str:
    """Say what to change in a sweep so that these are given."""
    return "; ".join(REQUIREMENTS[name].remedy for name in sorted(names))


def known(names: set[str], component: str) -> set[str]:
    """Return the names as they are.

    Raises:
        ValueError: one is not in the table; the message says whose it is and lists the table's.
    """
    for name in names - REQUIREMENTS.keys():
        raise ValueError(
            f"{component} names '{name}' among what it needs or gives, and nothing is called so; "
            f"known: {', '.join(sorted(REQUIREMENTS))}"
        )
    return names
