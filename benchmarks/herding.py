"""maxherding with kernels kept and without, in one run: python -m benchmarks.herding.

Points of unit length in 50 clusters. Printed are CPU seconds of one thread for the first 100, their
ratio, and whether the picks are the same; accepted where they are, and keeping is faster.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.kernels import herding

CASES = ((20_000, 128), (10_000, 1280))
QUICK = ((8_000, 128), (5_000, 1280))


def points(N: int, D: int) -> npt.NDArray[np.float32]:
    """Return clustered points (N, D) of unit length."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(50, D))
    around = centers[rng.integers(50, size=N)] + rng.normal(size=(N, D))
    around /= np.linalg.norm(around, axis=1, keepdims=True)
    return around.astype(np.float32)


def timed(features: npt.NDArray[np.float32], kept: int) -> tuple[float, list[int]]:
    """Return CPU seconds and picks with that many bytes of kernels kept."""
    before, herding.KEPT = herding.KEPT, kept
    began = time.process_time()
    with threadpool_limits(limits=1):
        picks = herding.greedy_herding(features, np.array([], dtype=np.int64), 100, 1.0)
    herding.KEPT = before
    return time.process_time() - began, picks.tolist()


def main() -> int:
    """Print the table; return 0 where it is accepted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="smaller pools")
    accepted = True
    for N, D in QUICK if parser.parse_args().quick else CASES:
        features = points(N, D)
        without, plain = timed(features, 0)
        kept, picks = timed(features, herding.KEPT)
        same = "the same picks" if picks == plain else "OTHER PICKS"
        accepted &= picks == plain and kept < without
        print(
            f"N {N:7,} D {D:5,}: {without:6.2f} s without, {kept:6.2f} s with kernels kept, "
            f"{without / kept:.1f} x, {same}",
            flush=True,
        )
    print("accepted" if accepted else "missed")
    return 0 if accepted else 1


if __name__ == "__main__":
    raise SystemExit(main())
