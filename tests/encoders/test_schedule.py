import numpy as np
import pytest
import torch

from rayal.encoders._training.schedule import PretrainingSchedule


def schedule(**changed) -> PretrainingSchedule:
    usual = {"N": 10, "repeats": 3, "batch_size": 8, "epochs": 6, "warmup_epochs": 2}
    return PretrainingSchedule(**{**usual, "base_lr": 0.5, **changed})


def test_each_image_comes_repeats_times_in_batches_of_equal_size() -> None:
    batches = schedule().batches(torch.Generator().manual_seed(0))
    assert np.bincount(torch.cat(batches)).tolist() == [3] * 10
    assert sorted(len(b) for b in batches) == [7, 7, 8, 8]


def test_two_epochs_have_different_orders() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.cat(schedule().batches(generator)) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize(("N", "batch_size"), [(9, 4), (9, 8), (3, 2), (5, 4), (2, 4096)])
def test_no_batch_is_too_small_for_batch_norm(N, batch_size) -> None:
    one = schedule(N=N, repeats=1, batch_size=batch_size)
    sizes = [len(b) for b in one.batches(torch.Generator().manual_seed(0))]
    assert sum(sizes) == N
    assert min(sizes) >= 2
    assert max(sizes) <= max(batch_size, 3)


def test_the_learning_rate_warms_up_to_its_peak_and_falls_to_zero_on_a_cosine() -> None:
    one = schedule(batch_size=10)
    rates = [one.lr(step) for step in range(18)]
    peak = 0.5 * 10 / 256
    assert rates[:6] == pytest.approx([peak * i / 6 for i in range(1, 7)])
    assert rates[6] == peak
    assert rates[12] == pytest.approx(peak / 2)
    assert rates[17] < 0.02 * peak
    assert rates[6:] == sorted(rates[6:], reverse=True)


def test_a_batch_larger_than_an_epoch_counts_as_the_epoch() -> None:
    one = schedule(batch_size=4096)
    assert one.steps_per_epoch == 1
    assert one.peak_lr == pytest.approx(0.5 * 30 / 256)


def test_a_warm_up_as_long_as_the_training_is_refused() -> None:
    with pytest.raises(ValueError, match="warmup_epochs=6 must be below epochs=6"):
        schedule(warmup_epochs=6)


def test_a_single_image_is_refused() -> None:
    with pytest.raises(ValueError, match="N=1 images cannot be contrasted"):
        schedule(N=1, repeats=1)
