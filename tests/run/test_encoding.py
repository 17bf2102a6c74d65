import numpy as np
import pytest

from rayal.contracts import Split
from rayal.run import encoding
from rayal.run.encoding import thumbnails


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
