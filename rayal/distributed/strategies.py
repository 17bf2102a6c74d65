"""Which strategies there are over shards, what each needs and what it promises."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.distributed.balance import balanced
from rayal.distributed.coverage import check_budget, coverage
from rayal.distributed.executor import Executor
from rayal.distributed.k_center import k_center
from rayal.distributed.kmeans import kmeans
from rayal.distributed.shard_rows import rows_at
from rayal.distributed.top import highest
from rayal.distributed.typiclust import typiclust
from rayal.hints import nearest
from rayal.seeds import integer
from rayal.storage.shard_set import ShardSet

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Question:
    """What is asked of a pool.

    labeled: (L,) ascending positions; classes: (L,) theirs, -1 where they are not known. rng: drawn
    from by every strategy. params: those of the strategy.
    """

    executor: Executor
    shards: ShardSet
    labeled: Int64
    classes: Int64
    budget: int
    rng: np.random.Generator
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """Positions (B,) in the order of the choice, and what is known of it: figures, by name."""

    positions: Int64
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardStrategy:
    """A strategy over shards.

    exact: whether its answer is that of one machine, whatever the shards. promise: in words. needs:
    what the shards must hold besides features: probs or scores. params: name -> default. state:
    bytes of memory a row that are held beside the rows. piece: bytes that one piece of work holds.
    check(N, B): refuses a budget that is too large for N rows. sees: "rows" of features, their
    "directions" at unit length, or "" where it reads none.
    """

    choose: Callable[[Question], Answer]
    exact: bool
    promise: str
    needs: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    state: int = 0
    piece: int = 0
    check: Callable[[int, int], None] = lambda rows, budget: None
    sees: str = ""

    def promise_of(self, params: Mapping[str, Any]) -> tuple[bool, str]:
        """Return `exact` and `promise` with these parameters: a class balance has a bound."""
        if params.get("class_balanced") is not None:
            return False, BALANCED
        return self.exact, self.promise


def _by_score(score: str) -> Callable[[Question], Answer]:
    def choose(question: Question) -> Answer:
        scored_rows = question.executor, question.shards, score, question.labeled
        weight = question.params.get("class_balanced")
        if weight is None:
            return Answer(highest(*scored_rows, question.budget, integer(question.rng)))
        choice = balanced(
            *scored_rows, _lacking(question), question.budget, weight, integer(question.rng)
        )
        return Answer(
            choice.indices,
            {"objective": choice.objective, "bound": choice.bound, "gap": choice.gap},
        )

    return choose


def _lacking(question: Question) -> npt.NDArray[np.float64]:
    """Return what each class lacks of an equal share (C,) after this query (CBAL, Eq. 3)."""
    C = question.shards.classes
    counts = np.bincount(question.classes[question.classes >= 0], minlength=C)
    share = (len(question.labeled) + question.budget) / C
    return np.asarray(np.maximum(share - counts, 0.0), dtype=np.float64)


def _by_k_center(question: Question) -> Answer:
    return Answer(
        k_center(
            question.executor, question.shards, question.labeled, question.budget, question.rng
        )
    )


def _by_kmeans(question: Question) -> Answer:
    seed = integer(question.rng)
    clusters = kmeans(
        question.executor, question.shards, question.labeled, question.budget, question.rng
    )
    largest = np.argsort(-clusters.sizes, kind="stable")
    chosen = clusters.nearest[largest]
    chosen = chosen[chosen >= 0]
    if lacking := question.budget - len(chosen):
        taken = np.union1d(question.labeled, chosen)
        at_random = question.executor, question.shards, "random", taken
        chosen = np.concatenate([chosen, highest(*at_random, lacking, seed)])
    return Answer(chosen, {"inertia": clusters.inertia})


def _by_typiclust(question: Question) -> Answer:
    positions, clusters = typiclust(
        question.executor, question.shards, question.labeled, question.budget, question.rng
    )
    return Answer(positions, {"inertia": clusters.inertia})


def _by_coverage(question: Question) -> Answer:
    cover = coverage(
        question.executor,
        question.shards,
        question.labeled,
        question.budget,
        integer(question.rng),
        question.params.get("delta"),
    )
    _warn_if_alone(question, cover.value)
    _warn_if_too_near(question, cover.positions)
    figures = {"value": cover.value, "levels": cover.levels, "bound": cover.bound}
    return Answer(cover.positions, figures)


def _warn_if_alone(question: Question, covered: float) -> None:
    """Warn where each ball of a first choice holds its center alone: all are as good then.

    covered: share of the rows in a ball.
    """
    B, params = question.budget, question.params
    if "delta" in params and not len(question.labeled) and B > 1:
        centers_only = B / question.shards.rows
        if covered <= centers_only * (1 + 1e-6):
            warnings.warn(
                f"probcover: the {B:,} balls hold {B:,} rows, their own "
                f"centers: no row is closer than delta={params['delta']:g} to one of them, "
                "so the choice is arbitrary; give a larger delta",
                stacklevel=2,
            )


def _warn_if_too_near(question: Question, chosen: Int64) -> None:
    """Warn where cosines of rows in 32 bits are all one but for their rounding.

    chosen: (B,) of the pool, which are as far apart as its rows are.
    """
    rows = rows_at(question.shards, chosen, unit=True)
    if "delta" in question.params or len(rows) < 2:
        return
    if np.linalg.norm(rows - rows[0], axis=1).max() < TOO_NEAR:
        warnings.warn(
            f"facility_location: the directions of the rows differ by less than {TOO_NEAR:g}, and "
            "32-bit cosines hardly tell them apart, so the choice may be no better than chance; "
            "write the shards without the mean of the features",
            stacklevel=2,
        )


TOO_NEAR = 1e-3  # of two unit-length rows: one less their cosine is then below 5e-7
EXACT = "the choice of one machine, however the rows are cut into shards"
BALANCE = {"class_balanced": None}
K_MEANS = "expected inertia within O(log K) of the smallest, by k-means||; then Lloyd steps"
BALANCED = "the bound of the program holds for all rows; gap: how far from the best it can be"
COVER = "in expectation at least (1 - 1/e) / levels of the best value, less the error of samples"
STRATEGIES: Mapping[str, ShardStrategy] = {
    "random": ShardStrategy(_by_score("random"), True, EXACT, "", {}, 16),
    "scores": ShardStrategy(_by_score("scores"), True, EXACT, "scores", BALANCE, 24),
    "entropy": ShardStrategy(_by_score("entropy"), True, EXACT, "probs", BALANCE, 24),
    "margin": ShardStrategy(_by_score("margin"), True, EXACT, "probs", BALANCE, 24),
    "least_confidence": ShardStrategy(
        _by_score("least_confidence"), True, EXACT, "probs", BALANCE, 24
    ),
    "k_center": ShardStrategy(
        _by_k_center, True, f"{EXACT}; radius within twice", "", {}, 4, sees="rows"
    ),
    "kmeans": ShardStrategy(_by_kmeans, False, K_MEANS, "", {}, 20, sees="directions"),
    "typiclust": ShardStrategy(
        _by_typiclust, False, f"clusters: {K_MEANS}", "", {}, 28, 2**28, sees="directions"
    ),
    "facility_location": ShardStrategy(
        _by_coverage, False, COVER, "", {}, 24, 2**29, check_budget, "directions"
    ),
    "probcover": ShardStrategy(
        _by_coverage, False, COVER, "", {"delta": 0.5}, 24, 2**29, check_budget, "directions"
    ),
}


def find_strategy(name: str) -> ShardStrategy:
    """Return a strategy by its name.

    Raises:
        ValueError: there is none of that name over shards.
    """
    if not isinstance(name, str) or name not in STRATEGIES:
        raise ValueError(
            f"strategy '{name}' does not choose from shards{nearest(name, STRATEGIES)}; those "
            f"that do: {', '.join(STRATEGIES)}"
        )
    return STRATEGIES[name]
