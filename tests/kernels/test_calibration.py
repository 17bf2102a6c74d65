import numpy as np
import pytest

from rayal.kernels import calibration
from tests.draws import draws


def slow_error(probs: np.ndarray, labels: np.ndarray) -> float:
    """Bin by bin, as written in Guo et al. 2017, Eq. 3."""
    confidence, guess = probs.max(axis=1), probs.argmax(axis=1)
    error = 0.0
    for low in range(15):
        inside = [i for i, c in enumerate(confidence) if low / 15 < c <= (low + 1) / 15]
        if inside:
            accuracy = np.mean([guess[i] == labels[i] for i in inside])
            error += len(inside) / len(labels) * abs(accuracy - confidence[inside].mean())
    return float(error)


def overconfident(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * rng.uniform(0.5, 6)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    right = rng.random(n) < 0.6
    return probs, np.where(right, probs.argmax(axis=1), rng.integers(4, size=n))


@pytest.mark.parametrize("seed", draws(200))
def test_the_error_is_that_of_its_definition(seed: int) -> None:
    probs, labels = overconfident(seed, 1 + seed % 50)
    assert calibration.expected_calibration_error(probs, labels) == pytest.approx(
        slow_error(probs, labels), abs=1e-12
    )


@pytest.mark.parametrize("seed", draws(20))
def test_the_best_temperature_is_the_first_with_the_least_error(seed: int) -> None:
    probs, labels = overconfident(seed)
    tried = {}
    for tenth in range(10, 201):
        powers = probs ** (10 / tenth)
        error = slow_error(powers / powers.sum(axis=1, keepdims=True), labels)
        tried[tenth / 10] = round(error, 11)
    assert calibration.best_temperature(probs, labels) == min(tried, key=lambda t: (tried[t], t))


def test_what_is_sure_stays_sure_and_what_is_undecided_stays_undecided() -> None:
    probs = np.array([[1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.8, 0.1, 0.1]])
    scaled = calibration.with_temperature(probs, 4.0)
    assert scaled[:2].tolist() == probs[:2].tolist()
    assert 1 / 3 < scaled[2, 0] < 0.8
    assert scaled[2, 1] == scaled[2, 2]
    assert np.allclose(calibration.with_temperature(probs, 1.0), probs)


def test_one_image_that_is_right_calls_for_no_temperature() -> None:
    assert calibration.best_temperature(np.array([[0.9, 0.1]]), np.array([0])) == 1.0
    assert calibration.best_temperature(np.array([[0.9, 0.1]]), np.array([1])) == 20.0


def test_the_temperature_of_least_loss_is_that_of_a_grid():
    for seed in range(5):
        probs, labels = overconfident(seed)
        grid = np.exp(np.linspace(np.log(0.02), np.log(50), 4001))
        rows = np.arange(len(labels))
        scaled = [calibration.with_temperature(probs, t)[rows, labels] for t in grid]
        losses = [-np.log(np.maximum(own, 1e-300)).mean() for own in scaled]
        expected = grid[int(np.argmin(losses))]
        found = calibration.temperature_of_least_loss(probs, labels)
        assert found == pytest.approx(expected, rel=5e-3)


def test_a_head_that_is_too_unsure_is_made_surer():
    probs = np.full((50, 2), [0.6, 0.4])
    labels = np.array([0] * 45 + [1] * 5)
    temperature = calibration.temperature_of_least_loss(probs, labels)
    assert calibration.with_temperature(probs, temperature)[0, 0] == pytest.approx(0.9, abs=1e-3)


def test_labels_that_are_impossible_leave_the_temperature_as_it_is():
    probs = np.array([[1.0, 0.0], [1.0, 0.0]])
    assert calibration.temperature_of_least_loss(probs, np.array([1, 1])) == 1
