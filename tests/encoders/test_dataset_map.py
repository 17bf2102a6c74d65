import math

import numpy as np
import pytest
import torch

from rayal.encoders._training import dataset_map
from rayal.encoders._training.dataset_map import DatasetMapRecorder, confidence

TAUS = (0.2, 0.05, 0.001)


def projections(n: int, d: int, seed: int) -> torch.Tensor:
    z = torch.randn(n, d, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(z, dim=1)


def slow_confidence(z1, z2, images, tau: float) -> list[float]:
    """HaCon Eq. 1-2 with loops and Python's floats; copies of an image are left out."""
    z = [row.double() for row in torch.cat([z1, z2])]
    owner = [*images.tolist(), *images.tolist()]
    n = len(z1)

    def p(i: int, j: int) -> float:
        below = 1.0  # the positive itself, all exponents relative to it
        for k in range(2 * n):
            if owner[k] != owner[i]:
                below += math.exp(float(z[i] @ z[k] - z[i] @ z[j]) / tau)
        return 1 / below

    return [(p(m, n + m) + p(n + m, m)) / 2 for m in range(n)]


@pytest.mark.parametrize("copies", [False, True])
@pytest.mark.parametrize("block", [1, 40, 1 << 22])
def test_confidence_is_that_of_the_loops(copies, block, monkeypatch) -> None:
    monkeypatch.setitem(dataset_map._BLOCK, "cpu", block)
    z1 = projections(12, 6, 0)
    z2 = torch.nn.functional.normalize(z1 + 0.5 * projections(12, 6, 1), dim=1)
    images = torch.arange(12) % 5 if copies else torch.arange(12)
    found = confidence(z1, z2, images, (0.2, 0.05))
    for column, tau in enumerate((0.2, 0.05)):
        expected = slow_confidence(z1, z2, images, tau)
        assert 0.01 < np.mean(expected) < 0.99
        np.testing.assert_allclose(found[:, column], expected, rtol=2e-5)


def test_a_tiny_temperature_neither_overflows_nor_loses_the_winner() -> None:
    z1, z2 = projections(30, 4, 0), projections(30, 4, 1)
    found = confidence(z1, z2, torch.arange(30), (1e-3,))
    assert found.isfinite().all()
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert confidence(z1, z1, torch.arange(30), (1e-3,)).min() > 0.99


def test_a_copy_of_the_image_is_no_negative() -> None:
    z = projections(2, 8, 0)
    same = confidence(z, z, torch.tensor([7, 7]), TAUS)
    torch.testing.assert_close(same, torch.ones(2, 3))


def test_mean_std_and_count_are_those_of_all_records() -> None:
    records = DatasetMapRecorder(3, TAUS, torch.device("cpu"))
    random = np.random.default_rng(0)
    seen: dict[int, list[np.ndarray]] = {0: [], 1: [], 2: []}
    for images in ([0, 1, 1], [2, 0, 1], [2]):
        values = random.random((len(images), 3)).astype(np.float32)
        records.add(torch.tensor(images), torch.from_numpy(values))
        for image, value in zip(images, values, strict=True):
            seen[image].append(value)
    found = records.finish()
    assert found.count.tolist() == [2, 3, 2]
    for column, tau in enumerate(TAUS):
        values = [np.array(seen[m])[:, column] for m in range(3)]
        np.testing.assert_allclose(found.confidence[tau], [v.mean() for v in values], rtol=1e-6)
        np.testing.assert_allclose(found.variability[tau], [v.std() for v in values], rtol=1e-5)
        assert found.confidence[tau].dtype == np.float32


def test_an_image_without_a_record_is_an_error() -> None:
    records = DatasetMapRecorder(4, TAUS, torch.device("cpu"))
    records.add(torch.tensor([0, 2]), torch.ones(2, 3))
    with pytest.raises(ValueError, match="2 of 4 images have no record"):
        records.finish()
