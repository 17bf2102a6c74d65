import numpy as np
import pytest

from rayal.kernels import prototypes
from tests.draws import draws


def recursive_simplex(num_classes: int) -> np.ndarray:
    """MSAL Eq. 1 as printed: columns are the prototypes."""
    k = num_classes - 1
    if k == 1:
        return np.array([[1.0, -1.0]])
    smaller = recursive_simplex(k)
    below = np.hstack([np.zeros((k - 1, 1)), np.sqrt(1 - 1 / k**2) * smaller])
    return np.vstack([np.hstack([[1.0], np.full(k, -1 / k)]), below])


@pytest.mark.parametrize("num_classes", [2, 3, 4, 10, 57])
def test_prototypes_equal_the_papers_recursion(num_classes: int) -> None:
    expected = recursive_simplex(num_classes).T
    np.testing.assert_allclose(prototypes.simplex(num_classes), expected, atol=1e-12)


@pytest.mark.parametrize("num_classes", [2, 3, 10, 100, 200, 1000])
def test_prototypes_are_equally_far_from_one_another(num_classes: int) -> None:
    points = prototypes.simplex(num_classes)
    assert points.shape == (num_classes, num_classes - 1)
    cosines = points @ points.T
    expected = np.full_like(cosines, -1 / (num_classes - 1))
    np.fill_diagonal(expected, 1)
    np.testing.assert_allclose(cosines, expected, atol=1e-6)


def test_one_class_has_no_prototypes() -> None:
    with pytest.raises(ValueError, match="at least 2 classes, and there are 1"):
        prototypes.simplex(1)


def test_cosines_do_not_depend_on_length_and_are_0_at_the_origin() -> None:
    points = prototypes.simplex(4)
    outputs = np.vstack([points[2] * 1e-6, points[2] * 50, np.zeros(3)]).astype(np.float32)
    found = prototypes.cosines(outputs)
    np.testing.assert_allclose(found[:2], np.tile([-1 / 3, -1 / 3, 1, -1 / 3], (2, 1)), atol=1e-6)
    assert found[2].tolist() == [0, 0, 0, 0]


def slow_nearest(outputs: np.ndarray, most_uncertain: list[int], budget: int) -> list[int]:
    points = prototypes.simplex(outputs.shape[1] + 1)
    cosine = {
        i: [float(outputs[i] @ p / np.linalg.norm(outputs[i])) for p in points]
        for i in most_uncertain
    }
    chosen: list[int] = []
    for c in range(len(points)):
        mine = [i for i in most_uncertain if int(np.argmax(cosine[i])) == c]
        chosen += sorted(mine, key=lambda i: -max(cosine[i]))[: budget // len(points)]
    for i in most_uncertain:
        if len(chosen) < budget and i not in chosen:
            chosen.append(i)
    return chosen


@pytest.mark.parametrize("seed", draws(100))
def test_nearest_to_each_equals_the_rule_spelled_out(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(2, 6))
    outputs = rng.normal(size=(40, num_classes - 1))
    outputs[:20] += 2 * prototypes.simplex(num_classes)[0]  # some class has too few
    candidates = rng.permutation(40)[: int(rng.integers(1, 40))]
    budget = int(rng.integers(1, len(candidates) + 1))
    found = prototypes.nearest_to_each(outputs, candidates, budget)
    assert set(found) == set(slow_nearest(outputs, candidates.tolist(), budget))
    assert len(set(found)) == budget
