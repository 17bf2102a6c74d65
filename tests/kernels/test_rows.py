import numpy as np
import pytest

from rayal.kernels.clustering import unit_rows
from rayal.kernels.rows import Rows


@pytest.fixture
def features() -> np.ndarray:
    made = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    made[3] = 0
    return made


def test_rows_of_unit_length_are_those_of_the_whole_matrix_to_the_bit(features: np.ndarray) -> None:
    rows, whole = Rows(features, unit=True), unit_rows(features)
    some = np.array([40, 3, 3, 7])
    assert np.array_equal(rows[some], whole[some])
    assert np.array_equal(rows[slice(5, 20)], whole[5:20])
    assert np.array_equal(np.concatenate([part for _, part in rows.blocks(8)]), whole)


def test_rows_of_16_bits_come_as_float32(features: np.ndarray) -> None:
    half = features.astype(np.float16)
    rows = Rows(half)[np.array([1, 2])]
    assert rows.dtype == np.float32
    assert np.array_equal(rows, half[1:3].astype(np.float32))


def test_rows_at_some_positions_are_numbered_from_zero(features: np.ndarray) -> None:
    positions = np.array([2, 9, 30])
    rows = Rows(features, positions)
    assert rows.shape == (3, 7)
    assert np.array_equal(rows[np.array([2, 0])], features[[30, 2]])
    assert np.array_equal(rows[slice(0, 2)], features[[2, 9]])


def test_a_part_of_a_float32_matrix_is_no_copy_and_the_matrix_is_never_written(
    features: np.ndarray,
) -> None:
    before = features.copy()
    assert np.shares_memory(Rows(features)[slice(0, 9)], features)
    assert not np.shares_memory(Rows(features, unit=True)[slice(0, 9)], features)
    assert np.array_equal(features, before)


def test_numbers_that_are_not_finite_are_refused(features: np.ndarray) -> None:
    features[4, 2] = np.nan
    with pytest.raises(ValueError, match="must be finite"):
        Rows(features)
