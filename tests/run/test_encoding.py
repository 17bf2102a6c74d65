import numpy as np
import pytest

from rayal.contracts import Dataset, Embedding, Split
from rayal.run import encoding
from rayal.run.encoding import check_embedding, thumbnails

IMAGES = np.zeros((4, 2, 2, 1), dtype=np.uint8)
DATA = Dataset(
    "data", ("a", "b"), Split(IMAGES, np.array([0, 1, 0, 1])), Split(IMAGES[:2], np.array([0, 1]))
)
GOOD = np.ones((4, 3), dtype=np.float32)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (GOOD.astype(np.float64), GOOD[:2], r"training features of float64 with shape \(4, 3\)"),
        (GOOD[:3], GOOD[:2], r"shape \(3, 3\) for 4 images"),
        (GOOD, GOOD[0], r"test features of float32 with shape \(3,\)"),
        (GOOD, GOOD[:2] * np.inf, "infinite features for 2 of 2 test images of data"),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_named(
    train: np.ndarray, test: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=f"encoder 'mine' gave .*{message}"):
        check_embedding("mine", Embedding(train, test), DATA)


def test_thumbnails_are_small_and_left_out_where_they_would_fill_the_disk(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.arange(3)
    large = Split(np.arange(3 * 70 * 40 * 3).reshape(3, 70, 40, 3).astype(np.uint8), labels)
    small = thumbnails(large)
    assert small is not None
    assert small.images.shape == (3, 24, 14, 3)
    assert np.array_equal(small.images[:, 1, 2], large.images[:, 3, 6])
    grey = thumbnails(Split(np.zeros((3, 8, 8, 1), np.uint8), labels))
    assert grey is not None
    assert grey.images.shape == (3, 8, 8)
    monkeypatch.setattr(encoding, "MOST_THUMBNAILS", 100)
    assert thumbnails(large) is None
