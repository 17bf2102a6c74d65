"""Published figures, met on real images."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import hypergeom

import rayal
from rayal import metrics
from rayal.registry import DATASETS

pytestmark = pytest.mark.slow

SEEDS = 100


@pytest.mark.parametrize(
    ("budget", "printed", "spread"), [(11, 0.70, 0.13), (23, 0.94, 0.08)]
)  # HaCon, Table 6, BloodMNIST: class coverage of random selection, 100 runs
def test_random_covers_the_blood_cell_classes_as_printed(
    real_data: Path, budget: int, printed: float, spread: float
) -> None:
    data = DATASETS.find("npz").function(path=str(real_data / "pbcblood.npz"))
    truth, C = data.train.labels, data.num_classes
    measured = []
    for seed in range(SEEDS):
        labels = np.full(len(truth), -1)
        chosen = rayal.query("random", budget, labels=labels, seed=seed)
        labels[chosen] = truth[chosen]
        measured.append(metrics.coverage(np.bincount(labels[chosen], minlength=C)))
    exact = np.mean([1 - hypergeom.pmf(0, len(truth), n, budget) for n in np.bincount(truth)])
    standard_error = np.std(measured) / np.sqrt(SEEDS)
    assert abs(np.mean(measured) - exact) < 4 * standard_error
    assert abs(np.mean(measured) - printed) < spread
    assert abs(np.std(measured) - spread) < 0.04
