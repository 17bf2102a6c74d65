import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.registry import STRATEGIES
from rayal.strategies.badge import badge
from tests.draws import draws


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pool(probs: np.ndarray, hidden: np.ndarray, known: list[int] | None = None) -> Pool:
    labels = np.full(len(probs), UNLABELED)
    labels[known or []] = 0
    probs, hidden = probs.astype(np.float32), hidden.astype(np.float32)
    probs.flags.writeable = hidden.flags.writeable = False
    said = Predictions(probs, lambda: probs, penultimate_features=lambda: hidden)
    return Pool(np.zeros((len(probs), 1), np.float32), labels, probs.shape[1], predictions=said)


def slow_twin(probs: np.ndarray, hidden: np.ndarray, budget: int) -> list[int]:
    """BADGE with its gradients written out."""
    draw = rng()
    residuals = probs - np.eye(probs.shape[1])[probs.argmax(axis=1)]
    g = np.array([np.outer(r, h).ravel() for r, h in zip(residuals, hidden, strict=True)])
    picks = [int((g**2).sum(axis=1).argmax())]
    while len(picks) < budget:
        squares = ((g[:, None] - g[None, picks]) ** 2).sum(axis=2).min(axis=1)
        picks.append(int(np.searchsorted(squares.cumsum(), draw.random() * squares.sum(), "right")))
    return picks


@pytest.mark.parametrize("seed", draws(100))
def test_choices_equal_the_slow_twins_on_the_unlabeled(seed: int) -> None:
    draw = rng(seed)
    n = int(draw.integers(3, 30))
    probs = draw.dirichlet(np.full(4, 0.7), size=n).astype(np.float32)
    hidden = draw.normal(size=(n, 5)).astype(np.float32)
    known = draw.choice(n, n // 3, replace=False).tolist()
    images = pool(probs, hidden, known)
    left = images.unlabeled
    twin = slow_twin(probs[left].astype(float), hidden[left].astype(float), len(left))
    assert badge(images, len(left), rng()).tolist() == left[twin].tolist()


def test_the_least_certain_of_equal_images_comes_first() -> None:
    probs = np.array([[0.9, 0.1], [0.55, 0.45], [0.7, 0.3]])
    assert badge(pool(probs, np.ones((3, 2))), 1, rng()).tolist() == [1]


def test_budgets_nest() -> None:
    images = pool(rng().dirichlet(np.ones(3), size=40), rng(1).normal(size=(40, 6)), known=[3, 4])
    whole = badge(images, 38, rng())
    assert sorted(whole) == images.unlabeled.tolist()
    assert np.array_equal(badge(images, 7, rng()), whole[:7])


def test_it_needs_predictions_and_the_last_layers_input() -> None:
    found = STRATEGIES.find("badge")
    assert found.traits.needs(found.bind({})) == {"predictions", "hidden"}


def test_numbers_that_are_not_finite_are_named() -> None:
    probs, hidden = np.full((3, 2), 0.5), np.ones((3, 2))
    hidden[1] = np.nan
    with pytest.raises(ValueError, match="what the last layer sees must be finite"):
        badge(pool(probs, hidden), 1, rng())
    with pytest.raises(ValueError, match="the predicted probabilities must be finite"):
        badge(pool(probs * np.inf, np.ones((3, 2))), 1, rng())
