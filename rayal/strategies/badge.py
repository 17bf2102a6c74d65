"""BADGE: diverse images on which the learner's last layer would change much (Ash et al. 2020)."""

from __future__ import annotations

import numpy as np

from rayal.contracts import Indices, Pool, strategy
from rayal.kernels.seeding import gradient_k_means_pp
from rayal.kernels.validation import check_finite
from rayal.strategies._greedy_balance import GreedyBalance, balance_of

HALF = 0.5  # from which probability on an image is taken to have a class, of several


@strategy(needs={"predictions", "hidden"}, multilabel=True, added={"class_balanced"})
def badge(
    pool: Pool,
    budget: int,
    rng: np.random.Generator,
    *,
    class_balanced: GreedyBalance | None = None,
) -> Indices:
    """Choose by k-means++ on the gradients of the last layer, with predicted classes as labels.

    The gradient of an image's cross-entropy by the last layer is (p - one-hot of the most probable
    class) times what that layer sees. Where an image may have several classes, it is that of the
    sum of their binary cross-entropies, each class taken as it is more probable. The longest comes
    first, the others by chance, as do all where the learner is sure of all; budgets nest.

    Cost: O(N (H + C) B) time, O(N) memory.

    Use: with a few hundred labels or more, and batches of any size.

    Source: Ash et al. 2020; balanced, Bengar et al. 2022 (CBAL), section 4.2.

    Args:
        pool: probabilities (N, C) and what the learner's last layer sees (N, H).
        budget: B.
        rng: draws all images but the first.
        class_balanced: `lambda` weighs the balance of the classes against the logarithm of the
            squared distance: chances are multiplied by exp(-lambda / C * ||what the classes lack
            after the image||_1); `divided_by_classes: false` leaves C out. Budgets then do not
            nest.

    Returns:
        (B,) positions, in the order of the choice.

    Raises:
        ValueError: NaN or infinity among them.
    """
    left = pool.unlabeled
    probs, hidden = pool.probs[left], pool.penultimate_features[left]
    check_finite(probs, "the predicted probabilities")
    check_finite(hidden, "what the last layer sees")
    residuals = probs.astype(np.float32)
    if pool.multilabel:
        residuals -= probs >= HALF
    else:
        residuals[np.arange(len(left)), probs.argmax(axis=1)] -= 1
    balance = balance_of(pool, budget, class_balanced, left)
    return left[gradient_k_means_pp(hidden, residuals, budget, rng, balance)]
