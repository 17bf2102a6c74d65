import numpy as np
import pytest

from rayal.kernels.kept_rows import KeptRows

MATRIX = np.arange(60, dtype=np.float32).reshape(12, 5)


class Maker:
    """Makes rows of MATRIX, and notes which."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, rows: np.ndarray, block: np.ndarray) -> None:
        self.made += rows.tolist()
        block[:] = MATRIX[rows]


def visited(kept: KeptRows, rows: np.ndarray, maker: Maker) -> dict[int, list[float]]:
    """Return the rows by their positions, as visited."""
    answers = [
        (position, row.tolist())
        for positions, group in kept.visit(rows, maker)
        for position, row in zip(positions.tolist(), group, strict=True)
    ]
    assert len({position for position, _ in answers}) == len(answers)
    return dict(answers)


@pytest.mark.parametrize("room", [0, 1, 3, 11, 12, 40])
def test_rows_are_those_of_the_matrix_each_visited_once(room: int) -> None:
    rng, maker = np.random.default_rng(room), Maker()
    kept = KeptRows(12, 5, room * 5 * 4)
    for _ in range(200):
        rows = rng.permutation(12)[: rng.integers(1, 13)]
        answers = visited(kept, rows, maker)
        assert answers == dict(enumerate(MATRIX[rows].tolist()))


def test_a_matrix_that_fits_is_made_once() -> None:
    maker, kept = Maker(), KeptRows(12, 5, 12 * 5 * 4)
    for _ in range(3):
        visited(kept, np.arange(12), maker)
    assert sorted(maker.made) == list(range(12))


def test_of_a_larger_one_those_that_are_asked_for_again_are_kept() -> None:
    maker, kept = Maker(), KeptRows(12, 5, 2 * 5 * 4)
    visited(kept, np.arange(12), maker)
    for _ in range(3):
        visited(kept, np.array([7, 4, 9]), maker)
    assert maker.made[12:] == [7, 4, 9, 9, 9]


def test_of_a_matrix_that_is_there_nothing_is_made() -> None:
    maker, kept = Maker(), KeptRows.from_matrix(MATRIX)
    assert visited(kept, np.array([3, 0, 11]), maker) == {
        0: MATRIX[3].tolist(), 1: MATRIX[0].tolist(), 2: MATRIX[11].tolist()
    }  # fmt: skip
    assert maker.made == []


def test_a_row_is_there_once_it_is_kept() -> None:
    maker, kept = Maker(), KeptRows(12, 5, 2 * 5 * 4)
    for _ in range(2):
        assert kept.row(7) is None
        visited(kept, np.array([7]), maker)
    row = kept.row(7)
    assert row is not None
    assert row.tolist() == MATRIX[7].tolist()
