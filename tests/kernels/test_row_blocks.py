import faiss
import numpy as np
import pytest

from rayal.kernels import row_blocks
from rayal.kernels.row_blocks import RowBlocks


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("rows", [1, 3, 64, 65, 1000])
def test_every_row_is_in_one_block_and_answers_come_in_order(
    rows: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_blocks, "ROWS", (64, 1))
    monkeypatch.setattr(row_blocks, "WORTH_THREADS", 0)
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: threads)
    with RowBlocks(rows, 3) as blocks:
        answers = blocks.each(lambda block: np.arange(rows)[block])
    assert np.concatenate(answers).tolist() == list(range(rows))
    assert [len(a) for a in answers[:-1]] == [64] * (len(answers) - 1)


def test_an_error_in_a_block_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_blocks, "WORTH_THREADS", 0)
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: 2)

    def fail(block: slice) -> None:
        raise ArithmeticError(f"at {block.start}")

    with RowBlocks(100_000, 2) as blocks, pytest.raises(ArithmeticError, match="at 0"):
        blocks.each(fail)
