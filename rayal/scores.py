"""Strategies that ask for the highest score, and what can be done with any score.

`@score` makes a function `(pool, rng, *, params) -> (U,)`, the higher the sooner asked for, into a
strategy. A sweep file may then add to it one of

* `class_balanced: {lambda: 1.0}`: the sum of the scores against the balance of the classes, by the
  program of CBAL (Eq. 8-9); `solver: auto` searches once, `certified` thoroughly;
* `pseudo_label_balanced: true`: what each class lacks, by predicted class (CBAL, supplement H);
* `diverse: {beta: 10}`: of the beta * B highest scores, those nearest to the learner's prototypes
  (MSAL-D, Algorithm 1);
* `stochastic: {beta: 1}`: at random, the image at rank r with odds r^-beta (Kirsch et al.,
  "Stochastic Batch Acquisition", 2023, softrank), so that the images of a query are not all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Concatenate, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import ConfigDict, Field
from typing_extensions import NotRequired, TypedDict

from rayal.contracts import (
    Files,
    Indices,
    Names,
    P,
    Pool,
    Strategy,
    StrategyCheck,
    strategy,
)
from rayal.kernels import balance, prototypes, ranking, uncertainty
from rayal.kernels.over_classes import score_over_classes
from rayal.kernels.unique_rows import groups_of_equals
from rayal.kernels.validation import check_finite
from rayal.label_arrays import count_by_class
from rayal.modifiers import with_parameters

Scores: TypeAlias = npt.NDArray[np.floating[Any]]
Score: TypeAlias = Callable[Concatenate[Pool, np.random.Generator, P], Scores]

Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)] | Literal["auto"]
# As a call: no class body can hold a field named lambda.
ClassBalance = TypedDict(
    "ClassBalance",
    {"lambda": Weight, "solver": NotRequired[Literal["auto", "certified", "gurobi", "highs"]]},
)
STRICT = ConfigDict(extra="forbid", strict=True)
ClassBalance.__pydantic_config__ = STRICT  # type: ignore[attr-defined]


class Diversity(TypedDict):
    """beta: candidates for each image to choose."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    beta: Annotated[float, Field(ge=1, allow_inf_nan=False)]


class Chance(TypedDict):
    """beta: how strongly chance follows the ranks; 0 is random choice."""

    __pydantic_config__ = STRICT  # type: ignore[misc]

    beta: Annotated[float, Field(ge=0, allow_inf_nan=False)]


_MODIFIERS: dict[str, tuple[Any, Any]] = {
    "class_balanced": (ClassBalance | None, None),
    "pseudo_label_balanced": (bool, False),
    "diverse": (Diversity | None, None),
    "stochastic": (Chance | None, None),
}
_MODIFIER_NEEDS = {
    "class_balanced": "predictions",
    "pseudo_label_balanced": "predictions",
    "diverse": "prototypes",
}


def score(
    *,
    needs: set[str] | Names,
    multilabel: bool = False,
    check: StrategyCheck = lambda *_: None,
    files: Files | None = None,
    added: Collection[str] = (),
) -> Callable[[Score[P]], Strategy[P]]:
    """Register `(pool, rng, *, params) -> (U,)`, finite scores of the unlabeled, as a strategy.

    The strategy has the function's parameters and, at most one of them in use, the modifiers of
    this module. Equal scores are shuffled; without a modifier budgets nest. multilabel: whether the
    function handles several classes an image; all modifiers but `pseudo_label_balanced` then do.
    files, added: as a strategy's.
    """

    def all_needs(params: Mapping[str, Any]) -> set[str]:
        own = needs(params) if callable(needs) else needs
        return own | {_MODIFIER_NEEDS[n] for n in _modifiers_in_use(params) if n in _MODIFIER_NEEDS}

    def handles_several(params: Mapping[str, Any]) -> bool:
        return multilabel and not params.get("pseudo_label_balanced")

    def register(function: Score[P]) -> Strategy[P]:
        declared = strategy(
            needs=all_needs,
            multilabel=handles_several,
            check=check,
            files=files,
            added=added,
        )
        return declared(_choosing_by(function))

    return register


def lacking(pool: Pool, budget: int) -> npt.NDArray[np.float64]:
    """Return Omega (C,), what each class lacks of an equal share after this query (CBAL, Eq. 3).

    Omega_i = max((L + B) / C - n_i, 0) for L labels so far, n_i of them of class i. Where an image
    may have several classes, n_i are its known images, and what is shared are not images but
    classes of images: those known, and B times the number that is expected of an unlabeled image.
    """
    counts = count_by_class(pool.labels, pool.num_classes)
    share = (_classes_of_labeled(pool, counts) + budget * _classes_of_an_image(pool)) / len(counts)
    return np.asarray(np.maximum(share - counts, 0.0), dtype=np.float64)


def _classes_of_labeled(pool: Pool, counts: Indices) -> int:
    return int(counts.sum()) if pool.multilabel else len(pool.labeled)


def _classes_of_an_image(pool: Pool) -> float:
    """Return how many classes an unlabeled image is expected to have."""
    if not pool.multilabel:
        return 1
    return float(pool.probs[pool.unlabeled].sum(axis=1, dtype=np.float64).mean())


def query_losses(pool: Pool, chosen: Indices) -> dict[str, float]:
    """Return both terms of CBAL's Eq. 8 for a query of B images, chosen (B,) from this pool.

    query_entropy: the sum of their entropies, nats, by the learner that was there to choose by; of
    several classes an image the mean of each class's;
    query_l1_loss: ||Omega - P^T z||_1, images by which what it expects of each class misses what
    the class lacks.
    """
    probs = pool.probs[chosen].astype(np.float64)
    missing = lacking(pool, len(chosen)) - probs.sum(axis=0)
    return {
        "query_entropy": float(_entropies(pool, probs).sum()),
        "query_l1_loss": float(np.abs(missing).sum()),
    }


def _entropies(pool: Pool, probs: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if pool.multilabel:
        return score_over_classes(uncertainty.entropy, probs, "mean")
    return uncertainty.entropy(probs)


def _modifiers_in_use(params: Mapping[str, Any]) -> list[str]:
    used = [name for name in _MODIFIERS if params.get(name)]
    if len(used) > 1:
        raise ValueError(f"{' and '.join(used)} are different ways to choose: give one of them")
    return used


def _choosing_by(function: Callable[..., Scores]) -> Callable[..., Indices]:
    """Return the strategy that asks for what this function scores highest."""

    def choose(pool: Pool, budget: int, rng: np.random.Generator, **params: Any) -> Indices:
        requested = {name: params.pop(name, default) for name, (_, default) in _MODIFIERS.items()}

        def scored(which: Pool) -> Scores:
            scores = function(which, rng, **params)
            check_finite(scores, "the scores")
            return scores

        scores = scored(pool)
        best_first = ranking.highest_first(scores, rng)
        balanced = requested["class_balanced"]
        if balanced and balanced["lambda"] != 0:  # at 0 the score alone decides
            lowest = _class_balanced(pool, budget, scores, scored, balanced)
            best_first = _equals_by_chance(pool, lowest, scores, best_first)
        elif requested["pseudo_label_balanced"]:
            best_first = _by_predicted_class(pool, budget, best_first)
        elif requested["diverse"]:
            best_first = _diverse(pool, budget, best_first, requested["diverse"]["beta"])
        elif requested["stochastic"]:
            best_first = ranking.softrank_sample(best_first, requested["stochastic"]["beta"], rng)
        return pool.unlabeled[best_first[:budget]]

    return with_parameters(choose, function, _MODIFIERS)


def _class_balanced(
    pool: Pool,
    budget: int,
    scores: Scores,
    scored: Callable[[Pool], Scores],
    params: Mapping[str, Any],
) -> Indices:
    weight = params["lambda"]
    if weight == "auto":
        weight = _settled_weight(pool, budget, scores, scored)
    solver = params.get("solver", "auto")
    balanced = balance.solve(
        -scores,
        pool.probs[pool.unlabeled],
        lacking(pool, budget),
        budget,
        weight,
        solver=solver,
        thorough=solver != "auto",
    )
    return np.asarray(balanced.indices)


def _equals_by_chance(pool: Pool, chosen: Indices, scores: Scores, best_first: Indices) -> Indices:
    """Return the chosen (B,), of images with equal scores and probabilities the first of a ranking.

    The program takes these by position, in a pool stored class by class all of one class.
    """
    among = best_first[np.isin(scores[best_first], scores[chosen])]
    groups = groups_of_equals(scores[among], pool.probs[pool.unlabeled[among]])
    picked = np.flatnonzero(np.isin(among, chosen))
    return among[ranking.equals_by_ranking(picked, np.arange(len(among)), groups)]


def _settled_weight(
    pool: Pool, budget: int, scores: Scores, scored: Callable[[Pool], Scores]
) -> float:
    """Return lambda by the rule of CBAL, section 5.1, with the model of the initial labels."""
    first = pool if pool.first_predicted is None else pool.first_predicted()
    costs = -scores if first is pool else -scored(first)
    probs = first.probs[first.unlabeled]
    return balance.settled_weight(costs, probs, lacking(first, budget), budget)


def _by_predicted_class(pool: Pool, budget: int, best_first: Indices) -> Indices:
    """Give each class what it lacks, by predicted class; the rest goes to the highest scores."""
    quotas = ranking.largest_remainder(lacking(pool, budget), budget)
    predicted = pool.probs[pool.unlabeled].argmax(axis=1)
    picks = ranking.first_of_each(best_first, predicted, quotas)
    return ranking.pad_to_budget(picks, best_first, budget)


def _diverse(pool: Pool, budget: int, best_first: Indices, beta: float) -> Indices:
    candidates = best_first[: ranking.multiple_rounded_up(beta, budget)]
    return prototypes.nearest_to_each(pool.prototype_outputs[pool.unlabeled], candidates, budget)
