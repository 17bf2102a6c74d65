"""What choices of the exact and of the approximate form lead to, over pools of a seed each.

A pool is a pool of its own clusters and rows. The ends of a choice are the share of the clusters
with a pick, the accuracy of the nearest pick's cluster, and the area under the curve of that
accuracy against the number of picks. The two forms choose from the same pool, so the test is the
paired one of Student.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from scipy import stats

from benchmarks import large_pools
from rayal.kernels.clustering import unit_rows
from rayal.kernels.gemm_distances import squared_distances

TESTED = 5000  # rows whose cluster is told by the nearest pick
POINTS = 10  # of a curve
ENDS = ("clusters reached", "accuracy", "area under the curve")
FORMS = ("exact", "approximate")
Int64 = npt.NDArray[np.int64]


def compare_seeds(console: Console, options: argparse.Namespace, folder: Path) -> None:
    """Print the means of the ends of both forms over the seeds, and how they differ."""
    N, budget = options.sizes[0], options.budgets[0]
    values: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in options.strategies}
    for seed in range(options.seeds):
        path = folder / f"{seed}.npy"
        clusters = large_pools.write_features(path, N, options.width, options.dtype, seed)
        features = np.load(path, mmap_mode="r")
        tested = np.random.default_rng([2, seed]).choice(N, TESTED, replace=False)
        for name in options.strategies:
            picks = (
                large_pools.query(
                    features, {"strategy": name, "budget": budget, "seed": seed, form: True}
                )
                for form in FORMS
            )
            ends = [_ends(features, clusters, each, tested) for each in picks]
            values[name].append(np.array(ends))
            console.print(f"[dim]seed {seed} {name}: {ends}[/]")
        path.unlink()
    for name, of_seeds in values.items():
        for number, end in enumerate(ENDS):
            exact, approximate = np.stack(of_seeds)[:, :, number].T
            difference = approximate - exact
            half = stats.t.ppf(0.975, len(difference) - 1) * stats.sem(difference)
            console.print(
                f"{name} N={N:,} B={budget} {end}: exact {exact.mean():.4f}, approximate "
                f"{approximate.mean():.4f}, difference {difference.mean():+.4f} +- {half:.4f}, "
                f"p = {stats.ttest_rel(exact, approximate).pvalue:.2f}"
            )


def _ends(
    features: npt.NDArray[np.floating], clusters: Int64, picks: Int64, tested: Int64
) -> list[float]:
    """Return the ends of a choice, in the order of ENDS."""
    away = squared_distances(unit_rows(features[tested]), unit_rows(features[picks]))
    budgets = np.linspace(0, len(picks), POINTS + 1).astype(int)[1:]
    curve = [
        (clusters[picks[away[:, :b].argmin(axis=1)]] == clusters[tested]).mean() for b in budgets
    ]
    reached = len(np.unique(clusters[picks])) / large_pools.CLUSTERS
    return [reached, float(curve[-1]), float(np.mean(curve))]
