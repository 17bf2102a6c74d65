"""maxherding with kernels kept and without, beside apricot: python -m benchmarks.herding.

Points of unit length in 50 clusters. Printed are CPU seconds of one thread for the first 100, their
ratios, and whether the picks are the same; accepted where they are, and keeping is faster. Where
apricot can be imported, its facility location, lazy and compiled before, is given the same kernel,
and the making of that (8 N^2 bytes for a while) is part of its time. Before each as much memory is
written to once: the first touch of a page by a virtual machine costs more than all the rest.
"""

from __future__ import annotations

import argparse
import importlib.util
import time

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.kernels import gemm_distances, herding, smooth_cover

CASES = ((20_000, 128), (10_000, 1280))
QUICK = ((8_000, 128), (5_000, 1280))


def points(N: int, D: int) -> npt.NDArray[np.float32]:
    """Return clustered points (N, D) of unit length."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(50, D))
    around = centers[rng.integers(50, size=N)] + rng.normal(size=(N, D))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    return around.astype(np.float32)


def touch_memory(N: int) -> None:
    """Have the machine provide 8 N^2 bytes."""
    np.empty((N, N)).fill(0)


def timed(features: npt.NDArray[np.float32], *, keep: bool = True) -> tuple[float, list[int]]:
    """Return CPU seconds and picks, with kernels kept or not."""
    before = smooth_cover.ALL_KEPT, smooth_cover.KEPT
    if not keep:
        smooth_cover.ALL_KEPT = smooth_cover.KEPT = 0
    touch_memory(len(features))
    began = time.process_time()
    with threadpool_limits(limits=1):
        picks = herding.greedy_herding(features, np.array([], dtype=np.int64), 100, 1.0)
    smooth_cover.ALL_KEPT, smooth_cover.KEPT = before
    return time.process_time() - began, picks.tolist()


def by_apricot(features: npt.NDArray[np.float32], budget: int = 100) -> tuple[float, list[int]]:
    """Return CPU seconds and picks of apricot's facility location with the same kernel."""
    from apricot import FacilityLocationSelection

    touch_memory(len(features))
    began = time.process_time()
    with threadpool_limits(limits=1):
        kernel = np.exp(-gemm_distances.squared_distances(features, features))
        selection = FacilityLocationSelection(budget, metric="precomputed", optimizer="lazy")
        picks = selection.fit(kernel).ranking
    return time.process_time() - began, [int(pick) for pick in picks]


def apricot_comparison(features: npt.NDArray[np.float32], seconds: float, picks: list[int]) -> str:
    """Return apricot's seconds, the ratio to ours, and how many of its picks are ours."""
    theirs, chosen = by_apricot(features)
    same = len(set(chosen) & set(picks))
    return f"; apricot {theirs:.2f} s, {theirs / seconds:.1f} x, {same} of {len(picks)} picks alike"


def main() -> int:
    """Print the table; return 0 where it is accepted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller pools")
    accepted = True
    apricot = importlib.util.find_spec("apricot") is not None
    if apricot:
        by_apricot(points(500, 8), 10)  # compiles
    for N, D in QUICK if parser.parse_args().quick else CASES:
        features = points(N, D)
        without, plain = timed(features, keep=False)
        kept, picks = timed(features)
        same = "the same picks" if picks == plain else "OTHER PICKS"
        accepted &= picks == plain and kept < without
        print(
            f"N {N:7,} D {D:5,}: {without:6.2f} s without, {kept:6.2f} s with kernels kept, "
            f"{without / kept:.1f} x, {same}"
            + (apricot_comparison(features, kept, picks) if apricot else ""),
            flush=True,
        )
    print("accepted" if accepted else "missed")
    return 0 if accepted else 1


if __name__ == "__main__":
    raise SystemExit(main())
