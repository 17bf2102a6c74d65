from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.datasets.npz import npz
from rayal.registry import DATASETS
from rayal.sweep.dataset_info import dataset_info


def load(name: str, **given: Any) -> Dataset:
    component = DATASETS.find(name)
    data = component.function(**component.bind(given))
    assert isinstance(data, Dataset)
    return data


@pytest.mark.parametrize("name", DATASETS.names())
def test_every_dataset_may_be_imbalanced(name: str) -> None:
    component = DATASETS.find(name)
    assert component.parameters["imbalance"].default is None
    assert component.function.__name__ == name
    assert component.function.__doc__


def test_only_the_pool_is_imbalanced() -> None:
    plain, tailed = load("digits"), load("digits", imbalance={"exponential": 20})
    assert tailed.name == "digits-lt20"
    assert np.array_equal(plain.test.images, tailed.test.images)
    assert tailed.initial_pool is None
    counts = dataset_info(tailed).class_counts
    assert counts[0] == max(counts)
    assert counts[0] // counts[-1] == 20
    assert sorted(counts, reverse=True) == list(counts)


def test_images_stay_with_their_labels() -> None:
    plain, stepped = load("digits"), load("digits", imbalance={"step": 0.2, "seed": 4})
    pairs = zip(plain.train.images, plain.train.labels, strict=True)
    label = {image.tobytes(): c for image, c in pairs}
    found = [label[image.tobytes()] for image in stepped.train.images]
    assert np.array_equal(found, stepped.train.labels)


def test_reserved_images_are_an_equal_share_of_each_class() -> None:
    data = load("digits", imbalance={"step": 0.1, "set_aside": 0.1})
    assert data.name == "digits-step0.1-aside0.1"
    assert data.initial_pool is not None
    assert data.initial_pool.dtype == np.int64
    assert np.bincount(data.train.labels[data.initial_pool]).tolist() == [12] * 10
    assert dataset_info(data).reserved == 120


def test_different_imbalances_are_different_data() -> None:
    contents = {
        load("digits", imbalance=imbalance).content
        for imbalance in (
            None, {"exponential": 5}, {"exponential": 6}, {"exponential": 5, "seed": 1},
            {"step": 1}, {"step": 1, "set_aside": 0.1},
        )
    }  # fmt: skip
    # A step of 1 leaves the pool as it is; what is set aside counts as content.
    assert len(contents) == 5


@pytest.mark.parametrize(
    ("imbalance", "message"),
    [
        ({"exponential": "100"}, "is refused: input should be a valid number"),
        ({"exponential": 0.5}, "is refused: input should be greater than or equal to 1"),
        ({"step": 0}, "is refused: input should be greater than 0"),
        ({"power": 2}, "is refused: extra inputs are not permitted"),
        ({"step": 0.1, "seed": -1}, "is refused"),
        (100, "is refused"),
        ({"exponential": 10, "step": 0.1}, "both exponential and step"),
        ({"exponential": 1000}, "leaves class 7 none of its 125 images"),
    ],
)
def test_what_cannot_be_is_refused(imbalance: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load("digits", imbalance=imbalance)


@pytest.mark.parametrize(
    ("name", "imbalance", "expected"),
    [
        ("cifar10", {"exponential": 100}, (12_406, 10)),
        ("cifar100", {"exponential": 100}, (10_847, 100)),
        ("cifar10", {"step": 0.1, "set_aside": 0.1}, (29_750, 10)),
        ("tiny_imagenet", {"step": 0.3, "set_aside": 0.1}, (68_500, 200)),
        ("svhn", {"step": 0.1}, (48_137, 10)),
        ("imagenet", {"exponential": 10}, (1_281_167, 1000)),
        ("cifar10", None, (50_000, 10)),
    ],
)
def test_a_plan_without_the_files_knows_the_size(
    name: str, imbalance: Any, expected: tuple[int, int]
) -> None:
    published = DATASETS.find(name).traits.published
    assert published is not None
    assert published(**DATASETS.find(name).bind({"imbalance": imbalance})) == expected


def test_a_plan_without_the_files_refuses_what_cannot_be() -> None:
    published = DATASETS.find("cifar10").traits.published
    assert published is not None
    with pytest.raises(ValueError, match="leaves class 9 none of its 5,000 images"):
        published(imbalance={"exponential": 10_000})


def test_hacons_long_tailed_cifar10_has_the_counts_of_this_transform(real_data: Path) -> None:
    data = npz(path=str(real_data / "cifar10_lt.npz"))
    published = DATASETS.find("cifar10").traits.published
    assert published is not None
    assert published(imbalance={"exponential": 100})[0] == len(data.train.labels)
    again = npz(path=str(real_data / "cifar10_lt.npz"), imbalance={"exponential": 100})
    assert np.array_equal(again.train.labels, data.train.labels)
    assert again.name == "cifar10_lt-lt100"
