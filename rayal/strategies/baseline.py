"""What every strategy is compared with: chance, and chance with equal classes."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Labels, Pool, strategy
from rayal.kernels.ranking import round_robin

DRAWS = 100_000  # draws before `cover_classes` gives up


@strategy(oracle=lambda given: {"truth"} if given["cover_classes"] else set())
def random(
    pool: Pool, budget: int, rng: np.random.Generator, *, cover_classes: bool = False
) -> Indices:
    """Choose uniformly without replacement; budgets nest.

    cover_classes draws again until each class of the pool has a label, as HaCon's released code
    does for its random rows; this reads the true labels, and budgets no longer nest.

    Cost: O(N).

    Use: always, with many seeds: it is what everything is compared with.

    Source: all four papers; cover_classes is HaCon's released code.
    """
    if cover_classes:
        return _covering_draw(pool, budget, rng)
    return rng.permutation(pool.unlabelled)[:budget]


@strategy(oracle={"truth"})
def uniform(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose equal numbers of each true class.

    A remainder goes to random classes, what a small class lacks to the others; budgets nest.

    Cost: O(N).

    Use: as the bound on what balance alone can give.

    Source: HaCon; Pourahmadi et al. (low-budget paper).
    """
    shuffled = rng.permutation(pool.unlabelled)
    classes = rng.permutation(pool.num_classes)
    return round_robin(shuffled, _truth(pool), classes)[:budget]


@strategy(needs={"reserved"})
def set_aside(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    """Choose at random among the images that the dataset sets aside as first labels.

    A dataset with `imbalance` keeps a part as it was, so that the first labels are balanced while
    the rest of the pool is not.

    Cost: O(N).

    Use: for the first query of CBAL's experiments.

    Source: Bengar et al. 2022 (CBAL), section 5.
    """
    reserved = np.intersect1d(pool.unlabelled, [] if pool.reserved is None else pool.reserved)
    if len(reserved) < budget:
        raise ValueError(
            f"set_aside: {budget} images were asked for and {len(reserved)} of those set aside "
            "are left; lower the first budget, or raise the dataset's set_aside"
        )
    return rng.permutation(reserved).astype(np.int64)[:budget]


def _covering_draw(pool: Pool, budget: int, rng: np.random.Generator) -> Indices:
    truth = _truth(pool)
    missing = np.setdiff1d(truth[pool.unlabelled], pool.labels[pool.labelled])
    if len(missing) > budget:
        raise ValueError(
            f"random with cover_classes: {len(missing)} classes have no label, and a budget of "
            f"{budget} cannot cover them; raise the budget or set cover_classes: false"
        )
    for _ in range(DRAWS):
        chosen = rng.choice(pool.unlabelled, budget, replace=False)
        if np.isin(missing, truth[chosen]).all():
            return chosen
    raise ValueError(
        f"random with cover_classes: none of {DRAWS:,} draws of {budget} images covered the "
        f"{len(missing)} classes without a label; raise the budget or set cover_classes: false"
    )


def _truth(pool: Pool) -> Labels:
    if pool.truth is None:
        raise ValueError("this strategy reads the true labels, and the pool was given none")
    return pool.truth
