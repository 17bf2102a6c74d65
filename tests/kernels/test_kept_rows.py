import numpy as np
import pytest

from rayal.kernels.kept_rows import KeptRows

MATRIX = np.arange(60, dtype=np.float32).reshape(12, 5)


class Maker:
    """Makes rows of MATRIX, and notes which."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        self.made += rows.tolist()
        return MATRIX[rows].copy()


@pytest.mark.parametrize("room", [0, 1, 3, 11, 12, 40])
def test_rows_are_those_of_the_matrix_whatever_was_written_into_earlier_answers(room: int) -> None:
    rng, maker = np.random.default_rng(room), Maker()
    kept = KeptRows(12, 5, room * 5 * 4)
    for _ in range(200):
        rows = rng.permutation(12)[: rng.integers(1, 13)]
        taken = kept.take(rows, maker)
        assert np.array_equal(taken, MATRIX[rows])
        taken -= 100


def test_a_matrix_that_fits_is_made_once() -> None:
    maker, kept = Maker(), KeptRows(12, 5, 12 * 5 * 4)
    for _ in range(3):
        kept.take(np.arange(12), maker)
    assert sorted(maker.made) == list(range(12))


def test_of_a_larger_one_those_that_are_asked_for_again_are_kept() -> None:
    maker, kept = Maker(), KeptRows(12, 5, 2 * 5 * 4)
    kept.take(np.arange(12), maker)
    for _ in range(3):
        kept.take(np.array([7, 4, 9]), maker)
    assert maker.made[12:] == [7, 4, 9, 9, 9]
