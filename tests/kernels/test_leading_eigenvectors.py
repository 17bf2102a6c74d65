"""Leading eigenvectors by products alone, against the decomposition of the whole matrix."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import ortho_group

from rayal.kernels.leading_eigenvectors import TOLERANCE, leading_eigenvectors

Floats = npt.NDArray[np.float64]
SIZE = 150
SPECTRA = {
    "falling": 1 / np.arange(1, SIZE + 1),
    "few": np.where(np.arange(SIZE) < 4, 4.0 - np.arange(SIZE), 0),
    "equal ones": np.repeat(np.arange(SIZE // 10, 0, -1), 10) / 15,
    "steep": 10.0 ** -np.arange(SIZE),
    "flat": np.ones(SIZE),
    "nothing": np.zeros(SIZE),
}


def matrix(values: Floats) -> Floats:
    turned = ortho_group.rvs(len(values), random_state=0)
    return np.asarray((turned * values) @ turned.T)


@pytest.mark.parametrize("count", [1, 5, 40, SIZE])
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_values_and_vectors_are_those_of_the_whole_matrix(spectrum: str, count: int) -> None:
    A, largest = matrix(SPECTRA[spectrum]), SPECTRA[spectrum][:count]
    values, V = leading_eigenvectors(lambda x: A @ x, SIZE, count, np.random.default_rng(0))
    np.testing.assert_allclose(values, largest, atol=10 * TOLERANCE)
    np.testing.assert_allclose(V.T @ V, np.eye(count), atol=1e-12)
    off = np.linalg.norm(A @ V - V * values, axis=0)
    assert off.max() <= 10 * TOLERANCE * max(SPECTRA[spectrum].max(), 1)


def test_far_fewer_products_are_taken_than_the_matrix_has_columns() -> None:
    values, asked = 1 / np.arange(1, 1001), []

    def times(x: Floats) -> Floats:
        asked.append(x.shape[1])
        return values[:, None] * x

    found, _ = leading_eigenvectors(times, len(values), 3, np.random.default_rng(0))
    np.testing.assert_allclose(found, values[:3], atol=10 * TOLERANCE)
    assert sum(asked) < len(values) / 3
