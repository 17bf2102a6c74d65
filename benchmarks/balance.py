"""The class-balanced program against branch and bound: python -m benchmarks.balance.

Each row is one problem: P is the softmax of random logits whose temperature depends on the class,
every second class ten times rarer; costs are the negative entropies of P. Three targets:

* paper: max((c b + b0) / C - n_c, 0) in the first cycle, with b0 = 2 b labels drawn as the classes
  are (CBAL, section 4);
* reach: what a random selection of b images gives, so that every class count can be met;
* any: b shared out at random, which no selection may reach.

Printed: seconds, objective, proven bound and gap of the certified solver, then the objective of
HiGHS (stopped after a time limit, asked for a gap of 0) and, up to its free license, of Gurobi
where installed, and whether ours is better, equal (within 1e-7 of it) or worse than HiGHS. Pools
above 5,000 images are not given to HiGHS, which has no good answer for them in that time.

Last come two pools of many classes, whose relaxation is solved by HiGHS's dual simplex and by the
interior-point method, in one run: flat probabilities (Dirichlet), and peaked ones (class sizes
falling to a tenth, logits 2 N(0, 1) + Gamma(2, 2) on the true class).
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from rayal.kernels.balance import Balanced, dual, solve
from rayal.kernels.balance.milp import FREE_LICENSE_VARIABLES

Float64 = npt.NDArray[np.float64]
Arrays = tuple[Float64, npt.NDArray[np.float32], Float64]

# N, C, b, weight, target: small pools for HiGHS, then those with a time and a gap to be met.
DEFAULT = (
    (900, 10, 50, 1.0, "reach"),
    (900, 10, 50, 3.0, "any"),
    (2000, 10, 111, 3.0, "reach"),
    (5000, 10, 277, 0.1, "reach"),
)
MORE = tuple(
    (N, 10, N // 18, weight, target)
    for N in (900, 2000, 5000)
    for weight in (0.1, 1.0, 3.0)
    for target in ("paper", "reach", "any")
)
LARGE = (
    (45_000, 10, 2500, 1.0, "paper"),
    (45_000, 10, 2500, 1.0, "reach"),
    (45_000, 100, 2500, 1.0, "paper"),
    (45_000, 100, 2500, 1.0, "reach"),
    (1_000_000, 10, 10_000, 1.0, "paper"),
    (1_000_000, 10, 10_000, 1.0, "reach"),
)
MANY_CLASSES = (("peaked", 45_000, 100, 2500), ("flat", 60_000, 200, 3000))


def problem(N: int, C: int, budget: int, target: str, seed: int) -> Arrays:
    """Return costs (N,), probs (N, C) and a target (C,)."""
    rng = np.random.default_rng(seed)
    prior = np.where(np.arange(C) % 2, 0.1, 1.0)
    prior /= prior.sum()
    classes = rng.choice(C, N, p=prior)
    logits = rng.normal(size=(N, C)).astype(np.float32)
    logits[np.arange(N), classes] += rng.uniform(0, 4, N)
    logits /= rng.uniform(0.5, 2, C)[classes][:, None]
    probs = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    costs = np.einsum("nc,nc->n", probs, np.log(np.maximum(probs, 1e-30))).astype(np.float64)
    if target == "paper":
        wanted = np.maximum(3 * budget / C - rng.multinomial(2 * budget, prior), 0)
    elif target == "reach":
        wanted = probs[rng.choice(N, budget, replace=False)].sum(axis=0, dtype=np.float64)
    else:
        wanted = rng.dirichlet(np.ones(C)) * budget
    return costs, probs, wanted.astype(np.float64)


def many_classes(kind: str, N: int, C: int, budget: int, seed: int) -> Arrays:
    """Return costs (N,), probs (N, C) and a target (C,) of the last two pools."""
    rng = np.random.default_rng(seed)
    if kind == "flat":
        probs = rng.dirichlet(np.ones(C), N).astype(np.float32)
        target = np.full(C, budget / C)
    else:
        prior = np.linspace(1, 0.1, C)
        classes = rng.choice(C, N, p=prior / prior.sum())
        logits = 2 * rng.normal(size=(N, C))
        logits[np.arange(N), classes] += rng.gamma(2, 2, N)
        unscaled = np.exp(logits - logits.max(axis=1, keepdims=True))
        probs = (unscaled / unscaled.sum(axis=1, keepdims=True)).astype(np.float32)
        target = np.full(C, 2 * budget / C - budget // C)
    costs = np.einsum("nc,nc->n", probs, np.log(np.maximum(probs, 1e-30))).astype(np.float64)
    return costs, probs, target


def compare_relaxations(kind: str, N: int, C: int, budget: int, seed: int) -> None:
    """Print CPU seconds and gap of an answer by either method, and the ratio of the seconds."""
    arrays, seconds = many_classes(kind, N, C, budget, seed), []
    for name, most in (("simplex", sys.maxsize), ("interior point", dual.SIMPLEX)):
        dual.SIMPLEX = most
        began = time.process_time()
        answer = solve(*arrays, budget, 1.0)
        seconds.append(time.process_time() - began)
        print(
            f"{kind:8s}{N:8d}{C:5d}{budget:7d} {name:14s}{seconds[-1]:8.2f} CPU s"
            f"{answer.bound:16.6f}{answer.gap:9.1e}",
            flush=True,
        )
    print(f"{kind}: the interior point takes {seconds[1] / seconds[0]:.3f} of the simplex's time")


def against(ours: Balanced, other: Balanced) -> str:
    """Say whether ours is better, equal or worse."""
    near = 1e-7 * abs(other.objective)
    if ours.objective < other.objective - near:
        return "better"
    return "worse" if ours.objective > other.objective + near else "equal"


def by_others(arrays: Arrays, budget: int, weight: float, limit: float) -> tuple[Balanced, str]:
    """Return the answer of HiGHS, and what is to be printed of Gurobi's."""
    highs = solve(*arrays, budget, weight, solver="highs", time_limit=limit)
    N, C = arrays[1].shape
    if find_spec("gurobipy") is None or N + 2 * C > FREE_LICENSE_VARIABLES:
        return highs, "-"
    gurobi = solve(*arrays, budget, weight, solver="gurobi", time_limit=limit)
    return highs, f"{gurobi.objective:.5f}"


def row(case: tuple[int, int, int, float, str], seed: int, limit: float) -> str:
    """Solve one case, print its row, and return how ours compares with HiGHS."""
    N, C, budget, weight, target = case
    arrays = problem(N, C, budget, target, seed)
    began = time.perf_counter()
    ours = solve(*arrays, budget, weight, thorough=True)
    seconds = time.perf_counter() - began
    theirs, gurobi, word = "-", "-", "-"
    if N <= 5000:
        highs, gurobi = by_others(arrays, budget, weight, limit)
        theirs, word = f"{highs.objective:.5f}", against(ours, highs)
    print(
        f"{N:8d}{C:5d}{budget:7d}{weight:5.1f} {target:6s}{seed:5d}{seconds:8.2f}"
        f"{ours.objective:14.5f}{ours.bound:14.5f}{ours.gap:9.1e}"
        f"{theirs:>14s}{gurobi:>14s}  {word}",
        flush=True,
    )
    return word


def main() -> int:
    """Print the table; return 0 when ours is nowhere worse than HiGHS."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="give HiGHS 5 seconds, not 60")
    parser.add_argument("--all", action="store_true", help="27 small problems instead of 4")
    parser.add_argument("--seed", type=int, default=0, help="of the random problems")
    parser.add_argument("--many-classes", action="store_true", help="the last two pools alone")
    options = parser.parse_args()
    limit = 5.0 if options.quick else 60.0
    if options.many_classes:
        for kind, N, C, budget in MANY_CLASSES:
            compare_relaxations(kind, N, C, budget, options.seed)
        return 0
    print(f"HiGHS and Gurobi have {limit:g} seconds each")
    heads = ("seconds", "objective", "bound", "gap", "HiGHS", "Gurobi")
    widths = (8, 14, 14, 9, 14, 14)
    columns = "".join(f"{head:>{width}}" for head, width in zip(heads, widths, strict=True))
    print(f"{'N':>8}{'C':>5}{'b':>7}{'w':>5} target seed{columns}  ours is")
    small = MORE if options.all else DEFAULT
    words = [row(case, options.seed, limit) for case in (*small, *LARGE)]
    counts = ", ".join(f"{words.count(word)} {word}" for word in ("better", "equal", "worse"))
    print(f"against HiGHS: {counts}")
    for kind, N, C, budget in MANY_CLASSES:
        compare_relaxations(kind, N, C, budget, options.seed)
    return 1 if "worse" in words else 0


if __name__ == "__main__":
    raise SystemExit(main())
