"""The relaxation's linear program on a core of many columns, by an interior-point method.

    min costs'x + weight (over + under)'1   P'x + under - over = target,  1'x = count,
                                            0 <= x <= 1,  0 <= over, under

Mehrotra's predictor and corrector (SIAM J. Optim. 2, 1992), with upper bounds on x. A simplex
method visits vertices, of which flat probabilities have very many; here each of some thirty steps
costs one product of C + 1 rows with the core's columns, and one factorization of their size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from rayal.kernels.balance.problem import Float64

STEPS = 100
ACCURACY = 1e-10  # of the gap between primal and dual objective, and of the multipliers
MISSED = 1e-6  # part of an equation's right side that shares may miss; the bound does not read them
BACK = 0.9995  # part of the way to the border that a step goes
RIDGE = 1e-13  # of the diagonal, so that rounding leaves the factorization positive


@dataclass(frozen=True, eq=False)
class CoreProgram:
    """costs (n,), probs (n, C), target (C,), count: of the core alone; weight of a missed class."""

    costs: Float64
    probs: Float64
    target: Float64
    count: float
    weight: float

    def rows(self, v: Float64) -> Float64:
        """Return A v (C + 1,) of variables v (n + 2 C,): x, then under, then over."""
        n, C = self.probs.shape
        classes = v[:n] @ self.probs + v[n : n + C] - v[n + C :]
        return np.append(classes, v[:n].sum())

    def columns(self, y: Float64) -> Float64:
        """Return A'y (n + 2 C,) of multipliers y (C + 1,)."""
        return np.concatenate([self.probs @ y[:-1] + y[-1], y[:-1], -y[:-1]])

    def normal_matrix(self, scale: Float64) -> Float64:
        """Return A diag(scale) A' (C + 1, C + 1)."""
        n, C = self.probs.shape
        weighted = self.probs * scale[:n, None]
        matrix = np.empty((C + 1, C + 1))
        matrix[:C, :C] = weighted.T @ self.probs
        matrix[range(C), range(C)] += scale[n : n + C] + scale[n + C :]
        matrix[:C, C] = matrix[C, :C] = weighted.sum(axis=0)
        matrix[C, C] = scale[:n].sum()
        return matrix


def solve_core(program: CoreProgram) -> tuple[Float64, Float64] | None:
    """Return multipliers (C + 1,) of the equations and shares x (n,); None where it did not settle.

    Both are optimal within ACCURACY of the objective; no simplex follows, so that shares lie
    between 0 and 1 wherever several solutions are best. It does not settle where nothing lies
    strictly within all bounds.
    """
    n, C = program.probs.shape
    if not (0 < program.count < n and program.weight > 0):
        return None
    point = _start(program, n, C)
    for _ in range(STEPS):
        if point.is_settled(program):
            return point.y, np.clip(point.v[:n], 0, 1)
        moved = point.step(program, n)
        if moved is None:
            return None
        point = moved
    return None


@dataclass(frozen=True, eq=False)
class _Point:
    """Variables v and multipliers z of v >= 0 (n + 2 C,); y (C + 1,); w (n,) of x <= 1.

    slack: 1 - x (n,).
    """

    v: Float64
    slack: Float64
    y: Float64
    z: Float64
    w: Float64

    def is_settled(self, program: CoreProgram) -> bool:
        primal, _, dual = self._residuals(program)
        size = 1 + abs(float(_costs(program) @ self.v))
        gap = self._complement() * (len(self.v) + len(self.w))
        wanted = 1 + float(np.abs(program.target).max())
        return bool(
            gap <= ACCURACY * size
            and np.abs(primal).max() <= MISSED * wanted
            and np.abs(dual).max() <= ACCURACY * (1 + program.weight)
        )

    def step(self, program: CoreProgram, n: int) -> _Point | None:
        """Return the next point; None where the equations cannot be solved any more."""
        scale = self.z / self.v
        scale[:n] += self.w / self.slack
        matrix = program.normal_matrix(1 / scale)
        matrix.flat[:: len(matrix) + 1] *= 1 + RIDGE
        try:
            factor = cho_factor(matrix, lower=True, check_finite=False)
        except np.linalg.LinAlgError:
            return None
        residuals = self._residuals(program)

        def direction(lower: Float64, higher: Float64) -> tuple[Float64, ...]:
            return self._direction(program, factor, scale, residuals, lower, higher)

        affine = direction(-self.v * self.z, -self.slack * self.w)
        reached = self._moved(affine, self._lengths(affine, 1.0))
        mean = self._complement()
        aim = mean * (max(reached._complement(), 0.0) / mean) ** 3
        lower = aim - self.v * self.z - affine[0] * affine[3]
        higher = aim - self.slack * self.w - affine[1] * affine[4]
        corrected = direction(lower, higher)
        return self._moved(corrected, self._lengths(corrected, BACK))

    def _complement(self) -> float:
        return float(self.v @ self.z + self.slack @ self.w) / (len(self.v) + len(self.w))

    def _residuals(self, program: CoreProgram) -> tuple[Float64, Float64, Float64]:
        n = len(self.w)
        primal = np.append(program.target, program.count) - program.rows(self.v)
        dual = _costs(program) - program.columns(self.y) - self.z
        dual[:n] += self.w
        return primal, 1 - self.v[:n] - self.slack, dual

    def _direction(
        self,
        program: CoreProgram,
        factor: tuple[Float64, bool],
        scale: Float64,
        residuals: tuple[Float64, Float64, Float64],
        lower: Float64,
        higher: Float64,
    ) -> tuple[Float64, ...]:
        n = len(self.w)
        primal, upper, dual = residuals
        right = dual - lower / self.v
        right[:n] += (higher - self.w * upper) / self.slack
        dy = cho_solve(factor, primal + program.rows(right / scale), check_finite=False)
        dv = (program.columns(dy) - right) / scale
        dslack = upper - dv[:n]
        dz = (lower - self.z * dv) / self.v
        dw = (higher - self.w * dslack) / self.slack
        return dv, dslack, dy, dz, dw

    def _lengths(self, direction: tuple[Float64, ...], back: float) -> tuple[float, float]:
        dv, dslack, _, dz, dw = direction
        primal = min(_longest(self.v, dv), _longest(self.slack, dslack))
        dual = min(_longest(self.z, dz), _longest(self.w, dw))
        return min(1.0, back * primal), min(1.0, back * dual)

    def _moved(self, direction: tuple[Float64, ...], lengths: tuple[float, float]) -> _Point:
        dv, dslack, dy, dz, dw = direction
        primal, dual = lengths
        return _Point(
            self.v + primal * dv,
            self.slack + primal * dslack,
            self.y + dual * dy,
            self.z + dual * dz,
            self.w + dual * dw,
        )


def _costs(program: CoreProgram) -> Float64:
    C = len(program.target)
    return np.concatenate([program.costs, np.full(2 * C, program.weight)])


def _longest(values: Float64, change: Float64) -> float:
    """Return how far positive values may go along a change before one is 0."""
    fastest = float((-change / values).max())
    return 1 / fastest if fastest > 0 else np.inf


def _start(program: CoreProgram, n: int, C: int) -> _Point:
    """Return a point within all bounds, whose products v z and slack w are alike in size."""
    share = np.full(n, np.clip(program.count / n, 0.05, 0.95))
    missing = program.target - share @ program.probs
    size = max(1.0, float(np.abs(missing).mean()))
    under = np.maximum(missing, 0) + size
    v = np.concatenate([share, under, under - missing])
    y = np.append(np.zeros(C), np.median(program.costs))
    reduced = _costs(program) - program.columns(y)
    spread = max(float(np.abs(reduced[:n]).mean()), 1e-3 * max(program.weight, 1e-9))
    z, w = reduced.copy(), np.zeros(n)
    z[:n] = np.maximum(reduced[:n], 0) + spread
    w[:] = np.maximum(-reduced[:n], 0) + spread
    return _Point(v, 1 - share, y, np.maximum(z, spread), w)
