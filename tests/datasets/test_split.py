import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayal.datasets._files.split import draw_test_images


def slow_choice(
    labels: np.ndarray, groups: np.ndarray, share: float, rng: np.random.Generator
) -> np.ndarray:
    """Class by class, group by group."""
    names = sorted(set(groups.tolist()))
    first = {g: labels[groups.tolist().index(g)] for g in names}
    order = [names[i] for i in rng.permutation(len(names))]
    chosen: set[int] = set()
    for c in sorted(set(first.values())):
        mine = [g for g in order if first[g] == c]
        sizes = [int(np.sum(groups == g)) for g in mine]
        taken, count = 0, 0
        for size in sizes:
            before, after = abs(taken - share * sum(sizes)), abs(taken + size - share * sum(sizes))
            if after > before + 1e-9 or (taken >= share * sum(sizes)):
                break
            taken, count = taken + size, count + 1
        chosen |= set(mine[: min(max(count, 1), len(mine) - 1)])
    return np.array([g in chosen for g in groups.tolist()])


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 80), st.floats(0.05, 0.9))
def test_the_choice_is_that_of_the_slow_way(seed: int, n: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    groups = rng.integers(max(n // 3, 1), size=n)
    labels = (groups * 7 % 3).astype(np.int64)
    share = round(share, 2) + 0.00321  # no exact ties, which sums in binary would settle by chance
    found, expected = (
        choose(labels, groups, share, np.random.default_rng(seed))
        for choose in (draw_test_images, slow_choice)
    )
    assert np.array_equal(found, expected)
    assert not set(groups[found]) & set(groups[~found])


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.8])
def test_every_class_has_its_share_to_test(share: float) -> None:
    labels = np.repeat(np.arange(3), [100, 40, 10])
    to_test = draw_test_images(labels, np.arange(150), share, np.random.default_rng(0))
    counts = np.bincount(labels[to_test]) / [100, 40, 10]
    np.testing.assert_allclose(counts, share, atol=0.051)


def test_a_rare_class_is_on_both_sides_and_a_single_image_to_train() -> None:
    labels = np.array([0] * 50 + [1, 1] + [2])
    to_test = draw_test_images(labels, np.arange(53), 0.1, np.random.default_rng(0))
    assert np.bincount(labels[to_test], minlength=3).tolist() == [5, 1, 0]


def test_a_seed_gives_its_own_split_every_time() -> None:
    labels = np.repeat(np.arange(2), 50)
    first, again, other = (
        draw_test_images(labels, np.arange(100), 0.3, np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
