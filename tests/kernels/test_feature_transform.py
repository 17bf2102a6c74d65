from typing import Any

import numpy as np
import pytest

from rayal.kernels import feature_transform
from rayal.kernels.feature_transform import fit_transform


def pool(N: int = 60, D: int = 9, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(N, D)) * np.arange(1, D + 1) + 3).astype(np.float32)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def twin(rows: np.ndarray, fitted_to: np.ndarray, transform: dict[str, Any]) -> np.ndarray:
    """The same by a singular value decomposition of the whole pool."""
    both = np.concatenate([fitted_to, rows]).astype(np.float64)
    N = len(fitted_to)
    if transform.get("standardize"):
        both = (both - both[:N].mean(axis=0)) / both[:N].std(axis=0)
    if transform.get("unit"):
        both = unit(both)
    for kind, power in (("pca", 0.0), ("half_whiten", 0.5), ("whiten", 1.0)):
        if kind in transform:
            both = both - both[:N].mean(axis=0)
            _, s, V = np.linalg.svd(both[:N], full_matrices=False)
            K = transform[kind]
            both = both @ V[:K].T / (s[:K] / np.sqrt(N)) ** power
            both = unit(both) if transform.get("unit") else both
    return both[N:]


CASES: list[dict[str, Any]] = [
    {"unit": True},
    {"standardize": True},
    {"standardize": True, "unit": True},
    {"pca": 4},
    {"unit": True, "half_whiten": 4},
    {"standardize": True, "whiten": 3},
    {"standardize": True, "unit": True, "half_whiten": 5},
]


@pytest.mark.parametrize("transform", CASES, ids=str)
@pytest.mark.parametrize("rows_at_once", [7, 8192])
def test_a_transform_is_that_of_a_singular_value_decomposition(
    transform: dict[str, Any], rows_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_transform, "ROWS", rows_at_once)
    given, other = pool(), pool(20, seed=1)
    found = fit_transform(given, transform)(other)  # type: ignore[arg-type]
    expected = twin(other, given, transform)
    assert found.dtype == np.float32
    signs = np.sign((found * expected).sum(axis=0))  # a component may be turned round
    np.testing.assert_allclose(found * signs, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("transform", CASES, ids=str)
@pytest.mark.parametrize("N", [4, 60, 700])
def test_many_features_are_transformed_as_few_are_without_their_covariances(
    transform: dict[str, Any], N: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, other = pool(N, 150), pool(20, 150, seed=1)
    by_covariances = fit_transform(given, transform)(other)  # type: ignore[arg-type]
    monkeypatch.setattr(feature_transform, "EXACT", 100)
    monkeypatch.setattr(feature_transform, "ROWS", 64)
    by_products = fit_transform(given, transform)(other)  # type: ignore[arg-type]
    assert by_products.shape == by_covariances.shape
    size = np.abs(by_covariances).max()
    np.testing.assert_allclose(by_products, by_covariances, atol=2e-6 * size)


def test_whitened_components_have_variance_one_and_half_whitened_their_deviation() -> None:
    given = pool(500)
    whole = fit_transform(given, {"whiten": 4})(given)
    half = fit_transform(given, {"half_whiten": 4})(given)
    plain = fit_transform(given, {"pca": 4})(given)
    np.testing.assert_allclose(whole.var(axis=0), 1, rtol=1e-4)
    np.testing.assert_allclose(half.var(axis=0), plain.std(axis=0), rtol=1e-4)


def test_directions_along_which_nothing_differs_are_left_out() -> None:
    flat = np.repeat(pool(40, 3), 2, axis=1)  # six columns in three dimensions
    assert fit_transform(flat, {"whiten": 6})(flat).shape == (40, 3)
    assert fit_transform(pool(5), {"whiten": 9})(pool()).shape == (60, 4)  # of 5 images


def test_constant_features_are_zero_when_standardized() -> None:
    given = pool()
    given[:, 2] = 7
    found = fit_transform(given, {"standardize": True})(given)
    assert np.all(found[:, 2] == 0)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("value", [0.1, -2.1179, 1e6 / 3])
def test_a_constant_feature_whose_mean_is_rounded_is_zero_too(value: float) -> None:
    given, other = pool(49).astype(np.float64), pool(20, seed=1).astype(np.float64)
    given[:, 2] = value
    standardize = fit_transform(given, {"standardize": True})
    assert np.all(standardize(given)[:, 2] == 0)
    assert np.all(standardize(other)[:, 2] == 0)


def test_the_order_of_the_pool_does_not_matter_and_signs_are_settled() -> None:
    given, rng = pool(), np.random.default_rng(3)
    one = fit_transform(given, {"unit": True, "half_whiten": 4})(given)
    other = fit_transform(rng.permutation(given), {"unit": True, "half_whiten": 4})(given)
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        ({"pca": 3, "whiten": 4}, "pca and whiten exclude each other"),
        ({}, "nothing is asked for; give unit: true"),
        ({"unit": False}, "nothing is asked for"),
    ],
)
def test_what_says_nothing_or_two_things_is_refused(transform: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_transform(pool(), transform)


@pytest.mark.parametrize("transform", [{"pca": 2}, {"unit": True, "half_whiten": 2}], ids=str)
@pytest.mark.parametrize("D", [3, 2100])
@pytest.mark.parametrize("value", [1, 0.1])
def test_features_that_are_all_alike_have_no_components(
    transform: Any, D: int, value: float
) -> None:
    with pytest.raises(ValueError, match="nothing to tell apart"):
        fit_transform(np.full((7, D), value, np.float32), transform)
