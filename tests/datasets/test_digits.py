import numpy as np
import pytest

from rayal.datasets.digits import digits
from rayal.registry import DATASETS


def test_digits_are_scikit_learns_images_each_once() -> None:
    from sklearn.datasets import load_digits

    data = digits()
    ours = np.concatenate([data.train.images, data.test.images]).reshape(-1, 64)
    theirs = np.rint(load_digits().data * 255 / 16)
    assert sorted(map(bytes, ours)) == sorted(map(bytes, theirs.astype(np.uint8)))
    assert data.train.images.max() == 255


def test_each_class_has_its_share_of_the_test_set() -> None:
    data = digits()
    shares = np.bincount(data.test.labels) / (
        np.bincount(data.test.labels) + np.bincount(data.train.labels)
    )
    np.testing.assert_allclose(shares, 0.3, atol=0.01)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.5, 0.95])
def test_the_published_size_is_the_size_that_is_loaded(fraction: float) -> None:
    data = digits(test_fraction=fraction)
    published = DATASETS.find("digits").traits.published
    assert published is not None
    assert published(test_fraction=fraction) == (len(data.train.labels), 10)
    assert set(data.train.labels) == set(data.test.labels) == set(range(10))


@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.95])
def test_the_test_set_is_what_scikit_learn_sets_apart(fraction: float) -> None:
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    theirs = load_digits()
    apart = train_test_split(
        np.arange(1797), test_size=fraction, stratify=theirs.target, random_state=0
    )[1]
    ours = digits(test_fraction=fraction).test
    assert np.array_equal(ours.labels, theirs.target[np.sort(apart)])
    pixels = np.rint(theirs.images[np.sort(apart)] * (255 / 16))
    assert np.array_equal(ours.images[..., 0], pixels)


def test_the_split_is_the_same_every_time() -> None:
    assert np.array_equal(digits().test.images, digits().test.images)


def test_a_fraction_that_leaves_a_side_empty_is_refused() -> None:
    with pytest.raises(ValueError, match=r"test_fraction=1\.0 is refused"):
        DATASETS.find("digits").bind({"test_fraction": 1.0})
