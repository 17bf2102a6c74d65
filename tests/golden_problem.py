"""A small problem that is the same on every machine, to the last bit.

Whole numbers from an explicit generator, divided by powers of two or once: no function of the C
library is asked, whose last digit differs between machines. Values are spread so that a choice
does not hang on the last digits that a machine's matrix products get wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from rayal.contracts import UNLABELED, Dataset, DatasetMap, Pool, Predictions, Split, Task

SIZES = (56, 44, 32, 20)  # images of each class: the pool is not balanced
N, C, D, H, M = sum(SIZES), len(SIZES), 12, 10, 40
PASSES_NOISE, VIEWS = 60, 3
CLASSES = ("ash", "beech", "cedar", "elm")


def frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def generator(number: int) -> np.random.Generator:
    return np.random.default_rng([20, number])


def true_labels() -> np.ndarray:
    return frozen(generator(0).permutation(np.repeat(np.arange(C), SIZES)))


def held_out_labels() -> np.ndarray:
    return frozen(np.arange(M) % C)


def points(labels: np.ndarray, width: int, number: int) -> np.ndarray:
    """Return (n, width) features: two clusters for each class, wide enough to overlap."""
    rng = generator(number)
    centers = generator(1).integers(-160, 161, size=(2 * C, width))
    cluster = 2 * labels + rng.integers(2, size=len(labels))
    noise = rng.integers(-64, 65, size=(4, len(labels), width)).sum(axis=0)
    return frozen(((centers[cluster] + noise) / 64).astype(np.float32))


def probabilities(labels: np.ndarray, number: int, sure: int = 160) -> np.ndarray:
    """Return (n, C) probabilities that name the right class more often than not."""
    rng = generator(number)
    weights = rng.integers(1, 100, size=(len(labels), C))
    weights[np.arange(len(labels)), labels] += rng.integers(sure, size=len(labels))
    return frozen((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))


def images(labels: np.ndarray, number: int) -> np.ndarray:
    """Return (n, 8, 8, 1) images: noise with a brighter band for each class."""
    pictures = generator(number).integers(120, size=(len(labels), 8, 8, 1), dtype=np.uint8)
    for picture, label in zip(pictures, labels, strict=True):
        picture[2 * label : 2 * label + 2] += 100
    return frozen(pictures)


def values(number: int) -> np.ndarray:
    """Return (N,) different numbers between 0 and 1, no two closer than 1 / (N + 1)."""
    return frozen(((generator(number).permutation(N) + 1) / (N + 1)).astype(np.float32))


def dataset_map() -> DatasetMap:
    return DatasetMap(
        {0.05: values(2), 0.2: values(3)},
        {0.05: values(4), 0.2: values(5)},
        frozen(np.full(N, 6)),
        (values(6), values(7)),
    )


def predictions(number: int = 8) -> Predictions:
    """Return predictions with every part that a learner may give."""
    truth = true_labels()
    probs = probabilities(truth, number)
    views = [probabilities(truth, number + 1 + view) for view in range(VIEWS)]

    def passes(count: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
        for _ in range(count):
            weights = np.round(probs * 512) + rng.integers(1, PASSES_NOISE, size=probs.shape)
            yield (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)

    return Predictions(
        test=probabilities(held_out_labels(), number + 5),
        predict_pool=lambda: probs,
        mc_dropout=passes,
        predict_views=lambda: iter(views),
        penultimate_features=lambda: points(truth, H, number + 6),
        last_layer=lambda: points(np.arange(C), H + 1, 34),
        prototype_outputs=lambda: points(truth, C - 1, number + 7),
    )


def labels_of(images_of_class: tuple[int, ...]) -> np.ndarray:
    """Return labels (N,): the first so many images of each class have theirs."""
    truth = true_labels()
    labels = np.full(N, UNLABELED)
    for label, count in enumerate(images_of_class):
        labels[np.flatnonzero(truth == label)[:count]] = label
    return frozen(labels)


def scores(batches: Sequence[np.ndarray]) -> list[tuple[float, float]]:
    """Return two scores of each batch, many of them equal in the first."""
    return [(float(batch.sum() % 3), float(values(33)[batch].max())) for batch in batches]


def pool_before_labels() -> Pool:
    return Pool(
        features=points(true_labels(), D, 16),
        labels=labels_of((0,) * C),
        num_classes=C,
        images=images(true_labels(), 17),
        map=dataset_map(),
        true_labels=true_labels(),
        initial_pool=frozen(np.sort(generator(18).permutation(N)[:80])),
        score_batches=scores,
    )


def pool_with_labels() -> Pool:
    """Return the pool at its third query, the last class without a label yet."""
    start = pool_before_labels()
    shared = {
        "features": start.features, "num_classes": C, "images": start.images, "map": start.map,
        "true_labels": start.true_labels, "initial_pool": start.initial_pool,
        "score_batches": scores,
    }  # fmt: skip
    first = Pool(labels=labels_of((4, 3, 1, 0)), predictions=predictions(24), **shared)
    return Pool(
        labels=labels_of((9, 6, 3, 0)),
        predictions=predictions(),
        first_predicted=lambda: first,
        predict_without=lambda held_out: probabilities(true_labels(), 32, sure=1)[held_out],
        **shared,
    )


def dataset() -> Dataset:
    """Return the images; a validation set is the test set's twin."""
    return Dataset(
        "bands",
        CLASSES,
        Split(images(true_labels(), 17), true_labels()),
        Split(images(held_out_labels(), 40), held_out_labels()),
        Split(images(held_out_labels(), 41), held_out_labels()),
    )


def task(**changed: object) -> Task:
    """Return what a learner is asked in its second round."""
    data = dataset()
    given = {
        "train": points(true_labels(), D, 16),
        "test": points(held_out_labels(), D, 42),
        "labels": labels_of((9, 6, 5, 4)),
        "num_classes": C,
        "views": np.stack([points(true_labels(), D, 43 + view) for view in range(2)]),
        "round": 1,
        "previous_predictions": predictions(),
        "images": data.train.images,
        "test_images": data.test.images,
        "val": data.val,
    }
    return Task(**{**given, **changed})


def shaken(pool: Pool, number: int, size: float = 1e-6) -> Pool:
    """Return the pool as a machine with other rounding errors might compute it."""
    rng = np.random.default_rng(number)

    def shake(array: np.ndarray) -> np.ndarray:
        return frozen((array * (1 + size * rng.uniform(-1, 1, array.shape))).astype(np.float32))

    said = pool.predictions
    if said is not None:
        hidden, projected = shake(said.penultimate_features()), shake(said.prototype_outputs())
        said = replace(
            said, penultimate_features=lambda: hidden, prototype_outputs=lambda: projected
        )
    return replace(pool, features=shake(pool.features), predictions=said)
