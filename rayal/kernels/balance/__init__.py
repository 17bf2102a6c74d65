"""Choosing images that are cheap and whose expected classes meet a target (CBAL, Eq. 8-9).

    min over z in {0, 1}^N, sum z = b, of  costs'z + weight * ||target - P'z||_1

`solve` returns a selection and a proven lower bound on what any selection could reach.

| file | what it does |
|---|---|
| `problem.py` | the program: objective, Lagrangian dual, a bound that holds in spite of rounding |
| `dual.py` | its linear relaxation, exactly, by column generation; gives the bound |
| `interior_point.py` | the relaxation on a core of many columns and classes |
| `search.py` | images near the relaxation's threshold (the window); rounding, best single swaps |
| `meet_in_the_middle.py` | many exchanges at once: two lists of flips, joined by a k-d tree |
| `certified.py` | relaxation and search together: what `solve` does by default |
| `weight.py` | `settled_weight`: CBAL's rule for lambda |
| `milp.py` | the whole program given to HiGHS or Gurobi |

Which solver:

* `auto` and `certified`: the relaxation, then a search near its threshold: a tenth of a second at
  1,000 images, seconds at 60,000 and 200 classes. `thorough` searches some sixty times, ten seconds
  for any N, and gets below what HiGHS finds in a minute.
* `highs`: branch and bound by SciPy's HiGHS, up to `time_limit` seconds. To check the others on
  some hundred images.
* `gurobi`: the same by Gurobi, where it is installed; without a full license N + 2C <= 2,000.

All answers have the relaxation's bound, so their gaps can be compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from rayal.kernels.balance.certified import QUICK, THOROUGH, certified
from rayal.kernels.balance.dual import relax
from rayal.kernels.balance.milp import by_gurobi, by_highs
from rayal.kernels.balance.problem import Int64, Problem, checked_problem, l1_loss
from rayal.kernels.balance.weight import settled_weight

__all__ = ["SOLVERS", "Balanced", "l1_loss", "settled_weight", "solve"]

Numbers = npt.NDArray[np.floating[Any]]

SOLVERS = ("auto", "certified", "gurobi", "highs")
TINY = float(np.finfo(np.float64).tiny)
SMALL = 10_000  # pools whose gap is wide enough, and search cheap enough, to search for seconds


@dataclass(frozen=True, eq=False)
class Balanced:
    """A selection, and how far from the best it can be at most.

    indices: (b,) distinct positions, ascending by cost, equal costs by position.
    objective: of the indices, in float64.
    bound: no selection has a lower objective, proven in spite of rounding.
    gap: (objective - bound) / |objective|, at least 0; it is 0 where nothing is left but the
        allowance for rounding, so that the selection is a best one.
    """

    indices: Int64
    objective: float
    bound: float
    gap: float


def solve(  # noqa: PLR0913 - the program's five parts, and who solves it
    costs: Numbers,
    probs: Numbers,
    target: Numbers,
    budget: int,
    weight: float,
    solver: str = "auto",
    time_limit: float = 60,
    thorough: bool = False,
) -> Balanced:
    """Return a selection of `budget` images with a low cost and a small L1 loss.

    The same input gives the same answer, whatever the number of threads, unless a time limit
    stops "highs" or "gurobi".

    Args:
        costs: (N,), low for images worth asking for.
        probs: (N, C), expected share of each image in each class, none negative.
        target: (C,), how many images of each class are wanted; they need not sum to the budget.
        budget: from 1 to N.
        weight: what one missing or superfluous image of a class costs, at least 0.
        solver: "certified" (the relaxation by pricing, then a search near its threshold; "auto"
            is the same), "highs" or "gurobi" (branch and bound on the whole). Their bound is that
            of the relaxation too, because their own holds within tolerances only.
        time_limit: seconds for "highs" and "gurobi".
        thorough: search some sixty times instead of once, where there are at most 10,000 images:
            ten seconds in place of a tenth, for an objective that is up to .3 % lower at 1,000
            images and .1 % at 5,000 where the classes are hard to balance.

    Raises:
        ValueError: for arrays that do not fit, NaN or infinity, and values outside their bounds;
            where Gurobi is absent or its license too small; where no selection is found in time.
    """
    if solver not in SOLVERS:
        raise ValueError(f"unknown solver '{solver}'; choose one of {', '.join(SOLVERS)}")
    problem = checked_problem(costs, probs, target, budget, weight)
    with threadpool_limits(limits=1):
        relaxation = relax(problem)
        if solver in ("auto", "certified"):
            efforts = THOROUGH if thorough and len(problem.costs) <= SMALL else QUICK
            return _balanced(problem, *certified(problem, relaxation, efforts))
        by = by_highs if solver == "highs" else by_gurobi
        return _balanced(problem, by(problem, time_limit), relaxation.bound)


def _balanced(problem: Problem, indices: Int64, bound: float) -> Balanced:
    indices = np.sort(indices)
    indices = indices[np.argsort(problem.costs[indices], kind="stable")].astype(np.int64)
    objective = problem.objective(indices)
    bound = min(bound, objective)
    left = objective - bound
    gap = 0.0 if left <= 8 * problem.rounding else left / max(abs(objective), TINY)
    return Balanced(indices, objective, bound, gap)
