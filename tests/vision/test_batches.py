import itertools
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from rayal.vision import batches


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_an_epoch_is_whole_passes_with_even_batches() -> None:
    rng = np.random.default_rng(0)
    for trial in range(400):
        n, size, least = int(rng.integers(2, 60)), int(rng.integers(2, 20)), int(rng.integers(1, 9))
        found = list(batches.epoch(n, size, least, generator(trial)))
        joined = torch.cat(found)
        passes = len(joined) // n
        assert torch.equal(torch.bincount(joined), torch.full((n,), passes))
        assert len(found) >= least
        assert passes == 1 or len(found) * (passes - 1) < least * passes
        sizes = {len(batch) for batch in found}
        assert max(sizes) - min(sizes) <= 1
        assert 2 <= min(sizes) <= max(sizes) <= size + 1


def test_a_lone_image_comes_twice_in_its_batch() -> None:
    assert [b.tolist() for b in batches.epoch(1, 8, 1, generator())] == [[0, 0]]
    assert [b.tolist() for b in batches.epoch(1, 8, 3, generator())] == [[0, 0]] * 3


def test_each_pass_is_shuffled_anew() -> None:
    first, second = batches.epoch(20, 32, 2, generator())
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(20))
    assert first.tolist() != second.tolist()


def test_endless_batches_are_passes_end_to_end() -> None:
    for n, size in ((5, 12), (7, 3), (4, 4), (1, 2)):
        drawn = itertools.islice(batches.endless(n, size, generator()), 10)
        found = torch.cat(list(drawn))
        assert len(found) == 10 * size
        for start in range(0, len(found) - n, n):
            assert sorted(found[start : start + n].tolist()) == list(range(n))


def test_fewer_large_images_are_described_at_once() -> None:
    def fitting(side: int) -> int:
        return batches.inference_batch_size(np.broadcast_to(np.uint8(0), (9, side, side, 3)))

    assert [fitting(side) for side in (8, 28, 96)] == [512, 512, 512]
    assert fitting(192) == 128
    assert fitting(224) == 94
    assert fitting(4096) == 1


def test_what_is_made_ahead_comes_in_order_and_in_time() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(4):
            made.append(number)
            yield number

    assert list(batches.made_ahead(items())) == [0, 1, 2, 3]
    assert made == [0, 1, 2, 3]


def test_an_error_in_what_is_made_ahead_is_raised_where_it_is_used() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("no more")

    ahead = batches.made_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="no more"):
        next(ahead)


def test_what_is_made_ahead_may_be_left_early() -> None:
    ahead = batches.made_ahead(itertools.count())
    assert [next(ahead), next(ahead)] == [0, 1]
    ahead.close()  # type: ignore[attr-defined]
