import numpy as np
import pytest

from rayal.datasets._stratified_split import stratified_split


@pytest.mark.parametrize("classes", [2, 10])
@pytest.mark.parametrize("test_size", [11, 60, 149])
def test_the_split_is_scikit_learns(classes: int, test_size: int) -> None:
    from sklearn.model_selection import train_test_split

    for seed in range(5):
        labels = np.random.default_rng(seed).permutation(np.arange(200) % classes)
        labels[labels == 1] = np.arange(np.sum(labels == 1)) % 3 == 0  # some go to class 0
        train, test = stratified_split(labels, test_size, seed)
        theirs = train_test_split(
            np.arange(200), test_size=test_size, stratify=labels, random_state=seed
        )
        assert np.array_equal(train, np.sort(theirs[0]))
        assert np.array_equal(test, np.sort(theirs[1]))
