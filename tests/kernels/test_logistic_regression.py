"""The solver against scikit-learn's, which is slow and is taken for right."""

import warnings

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from rayal.kernels import logistic_regression, softmax_newton
from rayal.kernels.logistic_regression import fit, fit_many, objective

pytestmark = pytest.mark.slow

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def problem(
    n: int, D: int, C: int, seed: int = 0, *, spread: float = 0.5
) -> tuple[npt.NDArray[np.float32], Ints]:
    """Classes around centers, on the unit sphere; every class has a label."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(C, D))
    labels = np.concatenate([np.arange(C), rng.integers(0, C, n - C)])
    inputs = centers[labels] * spread + rng.normal(size=(n, D))
    return (inputs / np.linalg.norm(inputs, axis=1, keepdims=True)).astype(np.float32), labels


def by_scikit_learn(inputs: npt.NDArray[np.float32], labels: Ints, c: float) -> Floats:
    model = LogisticRegression(C=c, solver="newton-cg", tol=1e-10, max_iter=100_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it cannot come as near as it is asked to
        model.fit(inputs.astype(np.float64), labels)
    weights = np.column_stack([model.coef_, model.intercept_])
    weights[:, -1] -= weights[:, -1].mean()
    return np.asarray(weights)


SIZES = [(11, 64, 8), (60, 512, 8), (300, 512, 10), (300, 64, 10), (40, 5, 3), (500, 20, 4)]


@pytest.mark.parametrize(("n", "D", "C"), SIZES)
@pytest.mark.parametrize("c", [0.01, 1.0, 10.0, 100.0])
def test_coefficients_and_loss_are_those_of_scikit_learn(n: int, D: int, C: int, c: float) -> None:
    inputs, labels = problem(n, D, C)
    ours, theirs = fit(inputs, labels, C, c), by_scikit_learn(inputs, labels, c)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    exact = inputs.astype(np.float64)
    best = objective(exact, labels, theirs, c)
    assert objective(exact, labels, ours, c) <= best + 1e-9 * max(1.0, best)


@pytest.mark.parametrize("c", [1e3, 1e5])
def test_hardly_any_penalty_is_solved_at_least_as_well_as_by_scikit_learn(c: float) -> None:
    for n, D, C in SIZES:
        inputs, labels = problem(n, D, C)
        exact = inputs.astype(np.float64)
        best = objective(exact, labels, by_scikit_learn(inputs, labels, c), c)
        assert objective(exact, labels, fit(inputs, labels, C, c), c) <= best * (1 + 1e-9)


@pytest.mark.parametrize(("n", "D", "C"), SIZES)
def test_the_gradient_is_zero_at_the_optimum(n: int, D: int, C: int) -> None:
    inputs, labels = problem(n, D, C, seed=1)
    exact, c = inputs.astype(np.float64), 10.0
    weights = fit(inputs, labels, C, c)
    outputs = exact @ weights[:, :-1].T + weights[:, -1]
    odds = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    error = odds / odds.sum(axis=1, keepdims=True) - np.eye(C)[labels]
    np.testing.assert_allclose(c * error.T @ exact + weights[:, :-1], 0, atol=1e-7)
    np.testing.assert_allclose(c * error.sum(axis=0), 0, atol=1e-7)


def test_two_classes_are_scikit_learns_with_twice_the_c() -> None:
    inputs, labels = problem(50, 12, 2)
    ours = fit(inputs, labels, 2, 3.0)
    model = LogisticRegression(C=6.0, tol=1e-14, max_iter=10_000).fit(
        inputs.astype(np.float64), labels
    )
    np.testing.assert_allclose(ours[1, :-1] - ours[0, :-1], model.coef_[0], atol=4e-6)
    np.testing.assert_allclose(ours[1, -1] - ours[0, -1], model.intercept_[0], atol=4e-6)


def test_a_problem_is_solved_alike_alone_and_among_others() -> None:
    problems = [problem(n, 32, 5, seed) for seed, n in enumerate([20, 20, 20, 33, 20, 90])]
    together = fit_many([x for x, _ in problems], [y for _, y in problems], 5, 10.0)
    for (inputs, labels), weights in zip(problems, together, strict=True):
        np.testing.assert_array_equal(weights, fit(inputs, labels, 5, 10.0))


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problems = [problem(20, 32, 5, seed) for seed in range(7)]
    given = [x for x, _ in problems], [y for _, y in problems]
    whole = fit_many(*given, 5, 10.0)
    monkeypatch.setattr(logistic_regression, "BLOCK_BYTES", 1)
    for one, other in zip(whole, fit_many(*given, 5, 10.0), strict=True):
        np.testing.assert_array_equal(one, other)


def test_duplicates_and_constant_features_are_no_trouble() -> None:
    inputs, labels = problem(30, 40, 3)
    inputs[:, 7] = 0.25
    twice = np.concatenate([inputs, inputs]), np.concatenate([labels, labels])
    np.testing.assert_allclose(fit(*twice, 3, 5.0), fit(inputs, labels, 3, 10.0), atol=1e-7)


def test_identical_images_of_different_classes_get_the_shares_of_their_classes() -> None:
    inputs = np.ones((5, 3), dtype=np.float32)
    weights = fit(inputs, np.array([0, 0, 0, 1, 1]), 2, 10.0)
    odds = np.exp(weights[:, :-1] @ np.ones(3) + weights[:, -1])
    np.testing.assert_allclose(odds / odds.sum(), [0.6, 0.4], atol=1e-7)


def test_a_class_without_a_label_has_probability_zero() -> None:
    inputs, labels = problem(20, 8, 3)
    weights = fit(inputs, labels * 2, 6, 10.0)  # 0, 2 and 4 of six
    assert np.all(weights[[1, 3, 5], -1] == -np.inf)
    assert np.all(weights[[1, 3, 5], :-1] == 0)
    np.testing.assert_array_equal(weights[[0, 2, 4]], fit(inputs, labels, 3, 10.0))


def test_one_class_alone_takes_all() -> None:
    weights = fit(np.eye(4, dtype=np.float32), np.zeros(4, dtype=np.int64), 3, 10.0)
    np.testing.assert_array_equal(weights[0], 0)
    assert np.all(weights[1:, -1] == -np.inf)


def test_what_was_not_reached_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_newton, "NEWTON_STEPS", 1)
    with pytest.raises(ArithmeticError, match=r"C=10 on 60 images .* give a smaller C"):
        fit(*problem(60, 20, 3), 3, 10.0)
