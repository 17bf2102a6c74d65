"""Variational adversarial active learning: ask for what does not look labeled.

Sinha, Ebrahimi and Darrell, "Variational Adversarial Active Learning", ICCV 2019.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from rayal.contracts import Pool
from rayal.scores import score
from rayal.seeds import integer

Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Weight: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@score(needs={"images", "labels"}, multilabel=True, added={"recipe"})
def vaal(  # noqa: PLR0913  the published recipe has this many settings
    pool: Pool,
    rng: np.random.Generator,
    *,
    epochs: PositiveInt = 30,
    updates: PositiveInt = 2,
    latent: PositiveInt = 32,
    batch_size: PositiveInt = 128,
    lr: Positive = 5e-4,
    beta: Weight = 1.0,
    adversary: Weight = 1.0,
    recipe: Literal["small", "released"] = "small",
) -> npt.NDArray[np.float64]:
    """Lowest probability of being a labeled image, as judged by a discriminator.

    The discriminator reads latent vectors of an autoencoder that learns to deceive it. Both are
    trained from new weights at each query, on the images alone. The score is less the probability:
    near 0, where it matters, that tells numbers apart that 1 - p would round to 1.

    Cost: two networks trained on the pool: about 30 epochs.

    Use: for comparison, on a GPU.

    Source: Sinha et al. 2019.

    Args:
        pool: its images (N, H, W, channels), and which of them have a label, but not the labels.
        rng: source of all randomness.
        epochs: passes over the pool; 30 is the survey's (deepALplus), the paper has 100.
        updates: of either network for each pair of batches; as released, of the autoencoder alone,
            each on new batches, with one of the discriminator.
        latent: dimensions of the latent vectors.
        batch_size: unlabeled, and as many labeled, images in an update, at most.
        lr: learning rate of Adam.
        beta: weight of the divergence of latent vectors from the normal distribution.
        adversary: weight of deceiving the discriminator.
        recipe: `small`, an autoencoder of two layers whose pixels count as a sum, or `released`,
            the networks and losses of the authors' code (with `epochs: 100` theirs in whole): four
            layers with batch norm at 32 pixels, some 90 times the arithmetic.

    Returns:
        (U,) probabilities with the sign changed.

    Raises:
        ValueError: no image has a label, or the pool has no images.
        FloatingPointError: training diverged.
    """
    # torch is slow to import, and other strategies need none.
    from rayal.kernels import discriminator, released_vaal

    if len(pool.labeled) == 0:
        raise ValueError(
            "vaal learns to tell labeled images from others, and no image has a label; make the "
            "first query with another strategy"
        )
    if pool.images is None:
        raise ValueError("vaal reads the images, and the pool was given none")
    training = discriminator.Training(epochs, updates, latent, batch_size, lr, beta, adversary)
    pair = released_vaal.ReleasedPair if recipe == "released" else discriminator.AdversarialPair
    return -discriminator.probability_of_label(
        pool.images, pool.labeled, pool.unlabeled, integer(rng), training, pair
    )
