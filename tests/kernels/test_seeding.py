import faiss
import numpy as np
import pytest

from rayal.kernels import row_blocks
from rayal.kernels.greedy_balance import ClassBalance
from rayal.kernels.seeding import gradient_k_means_pp
from tests.draws import draws


def slow_twin(vectors: np.ndarray, first: int, budget: int, rng: np.random.Generator) -> list[int]:
    """k-means++ on rows that are there, with all distances anew for each choice."""
    picks = [first]
    while len(picks) < budget:
        squares = ((vectors[:, None] - vectors[None, picks]) ** 2).sum(axis=2).min(axis=1)
        if not squares.any():
            left = [i for i in range(len(vectors)) if i not in picks]
            return [*picks, *rng.permutation(left)[: budget - len(picks)]]
        draw, total = rng.random() * squares.sum(), 0.0
        for i, square in enumerate(squares):
            total += square
            if total > draw:
                picks.append(i)
                break
    return picks


def gradients(features: np.ndarray, residuals: np.ndarray) -> np.ndarray:
    outer = residuals.astype(float)[:, :, None] * features.astype(float)[:, None, :]
    return np.asarray(outer.reshape(len(features), -1))


def problem(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A few rows with duplicates and a certain one."""
    rng = np.random.default_rng(seed)
    n, c, h = (int(rng.integers(low, high)) for low, high in ((1, 30), (2, 6), (1, 9)))
    features = rng.normal(1, 1, size=(n, h)).astype(np.float32)
    probs = rng.dirichlet(np.full(c, 0.5), size=n).astype(np.float32)
    residuals = probs - np.eye(c, dtype=np.float32)[probs.argmax(axis=1)]
    copied = rng.integers(n, size=n)
    residuals[n // 2] = 0
    half = copied[: n // 2]
    return np.vstack([features, features[half]]), np.vstack([residuals, residuals[half]])


@pytest.mark.parametrize("seed", draws(300))
def test_gradients_never_formed_are_seeded_as_those_that_are(seed: int) -> None:
    features, residuals = problem(seed)
    dense = gradients(features, residuals)
    budget = int(np.random.default_rng(seed).integers(1, len(dense) + 1))
    found = gradient_k_means_pp(features, residuals, budget, np.random.default_rng(1))
    draw, lengths = np.random.default_rng(1), (dense**2).sum(axis=1)
    first = int(lengths.argmax() if lengths.any() else draw.integers(len(dense)))
    assert found[0] == first
    assert found.tolist() == slow_twin(dense, first, budget, draw)


def test_each_image_is_chosen_once_although_most_are_duplicates() -> None:
    rng = np.random.default_rng(0)
    features = np.repeat(1000 + rng.normal(size=(5, 20)), 8, axis=0)
    residuals = np.repeat(rng.normal(size=(5, 3)), 8, axis=0)
    for seed in range(20):
        found = gradient_k_means_pp(features, residuals, 40, np.random.default_rng(seed))
        assert sorted(found) == list(range(40))
        assert len({i // 8 for i in found[:5]}) == 5  # distinct ones first


def test_the_origin_is_no_center() -> None:
    """Rows near the origin are as likely as rows on the other side, if as far from the first."""
    features = np.array([[10.0], [0.0], [0.0], [0.0]])
    residuals = np.array([[1.0], [1.0], [1.0], [1.0]])
    found = gradient_k_means_pp(features, residuals, 2, np.random.default_rng(0))
    assert found[0] == 0
    assert found[1] in (1, 2, 3)


def test_choices_follow_the_squared_distances() -> None:
    features = np.array([[3.0], [2.0], [1.0], [3.0]])
    counts = np.zeros(4)
    for seed in range(2000):
        found = gradient_k_means_pp(features, np.ones((4, 1)), 2, np.random.default_rng(seed))
        counts[found[1]] += 1
    # 1 : 4 of 2000; the standard deviation is 18.
    assert counts[[0, 3]].tolist() == [0, 0]
    assert abs(counts[1] - 400) < 90


class Lowest:
    """A generator whose every draw is the lowest that there is."""

    def random(self) -> float:
        return 0.0


def test_a_row_without_mass_is_not_drawn_by_the_lowest_draw_either() -> None:
    features = np.array([[3.0], [3.0], [2.0], [1.0]])
    found = gradient_k_means_pp(features, np.ones((4, 1)), 3, Lowest())
    assert found.tolist() == [0, 2, 3]


@pytest.mark.parametrize("residual", [0.0, 1.0])
def test_all_certain_or_all_equal_rows_come_at_random(residual: float) -> None:
    """By position they would be of the first class of a pool that is stored class by class."""
    residuals = np.full((1000, 2), residual)
    found = gradient_k_means_pp(np.ones((1000, 3)), residuals, 100, np.random.default_rng(0))
    assert len(set(found.tolist())) == 100
    assert 400 < found.mean() < 600


def test_all_certain_rows_of_one_class_come_at_random_after_what_it_lacks() -> None:
    probs = np.repeat(np.eye(2, dtype=np.float32), 500, axis=0)
    balance = ClassBalance(probs, np.array([10.0, 30.0]), weight=10.0)
    found = gradient_k_means_pp(
        np.ones((1000, 3)), np.zeros((1000, 2)), 40, np.random.default_rng(0), balance
    )
    assert np.bincount(found // 500).tolist() == [10, 30]
    for half in (found[found < 500], found[found >= 500] - 500):
        assert 150 < half.mean() < 350


def test_budgets_nest() -> None:
    rng = np.random.default_rng(0)
    features, residuals = rng.normal(size=(50, 4)), rng.normal(size=(50, 3))
    whole = gradient_k_means_pp(features, residuals, 50, np.random.default_rng(1))
    for budget in (1, 2, 17):
        part = gradient_k_means_pp(features, residuals, budget, np.random.default_rng(1))
        assert np.array_equal(part, whole[:budget])


def test_the_number_of_threads_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "WORTH_THREADS", 0)
    monkeypatch.setattr(row_blocks, "ROWS", (64, 1))
    rng = np.random.default_rng(0)
    features, residuals = rng.normal(size=(1001, 8)), rng.normal(size=(1001, 4))
    answers = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(faiss, "omp_get_max_threads", lambda threads=threads: threads)
        found = gradient_k_means_pp(features, residuals, 200, np.random.default_rng(1))
        answers.append(found.tolist())
    assert answers[0] == answers[1] == answers[2]


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_any_float_and_layout_will_do_and_inputs_are_not_written(kind: type) -> None:
    whole = np.random.default_rng(0).integers(9, size=(30, 6)).astype(np.float32)
    other = np.asfortranarray(whole.astype(kind))
    other.flags.writeable = whole.flags.writeable = False
    plain, converted = (
        gradient_k_means_pp(x, x[:, :2], 20, np.random.default_rng(0)) for x in (whole, other)
    )
    assert np.array_equal(plain, converted)


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="3 rows of features and 2 of residuals do not fit"):
        gradient_k_means_pp(np.eye(3), np.eye(2), 2, rng)
    with pytest.raises(ValueError, match="a budget of 4 is not between 1 and the 3 images"):
        gradient_k_means_pp(np.eye(3), np.eye(3), 4, rng)
    with pytest.raises(ValueError, match="a budget of 0 is not"):
        gradient_k_means_pp(np.eye(3), np.eye(3), 0, rng)


@pytest.mark.parametrize("size", [1e-16, 1e-30, 1e-40])
def test_residuals_of_a_learner_that_is_sure_of_all_choose_as_longer_ones(size: float) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 5)).astype(np.float32)
    residuals = rng.integers(0, 9, size=(40, 3)).astype(np.float32)  # few digits: 1e-40 has no more
    tiny = residuals * np.float32(size)
    expected = gradient_k_means_pp(features, tiny / tiny.max(), 10, np.random.default_rng(1))
    picks = gradient_k_means_pp(features, tiny, 10, np.random.default_rng(1))
    assert picks.tolist() == expected.tolist()
