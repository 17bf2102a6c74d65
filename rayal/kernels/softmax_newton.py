"""Newton's method for multinomial logistic regression in the space of the Gram matrix.

    minimize over A (k, n), b (k,):   c * sum_i log-loss(softmax((A K)_i + b), y_i) + tr(AKA') / 2

With the Hessian H = LL' of the losses by the outputs, image by image, Newton's step goes from A to
c (Y - P - L v), where v, which is L' times the change of the outputs, solves

    (I + c L'KL) v = L' (b - G K),      sum_i L v = sum_i (Y - P),      G = A - c (Y - P)

The second equation is what the intercept b asks for; projecting on its solutions leaves a system
whose eigenvalues are at least 1, which conjugate gradients solve with one product by K a step,
whatever the rank of K: duplicates and more images than dimensions need no special care.

G, v and all that is made of them shrink as the method converges, and with them their rounding
errors: they are float32 where that leaves conjugate gradients a digit. What does not shrink (A,
A K, the probabilities) is float64. A problem takes the steps that it would take alone, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rayal.kernels.gram_products import Gram
from rayal.kernels.softmax_hessian import HessianFactor, dots, over_classes

Float64: TypeAlias = npt.NDArray[np.float64]
Array: TypeAlias = npt.NDArray[Any]  # float64, or float32 inside conjugate gradients
Product: TypeAlias = Callable[[Array], Array]

NEWTON_STEPS, CG_STEPS, HALVINGS = 100, 300, 40  # at the most; some 7, 10 and 0 are taken
FORCING = 1e-4, 0.1  # part of Newton's step that may be missing: as it gains, within these
DISTANCE = 1e-9  # from the optimum, relative to the weights, at which a problem counts as solved


@dataclass(frozen=True)
class Problems:
    """S problems of the same sizes."""

    gram: Gram
    rough: Gram  # in the precision that conjugate gradients run in
    trace: Float64  # (S, 1, 1), of K
    onehot: Float64  # (S, k, n)
    c: float

    def only(self, on: npt.NDArray[np.bool_]) -> Problems:
        """Return the problems that are marked (S,)."""
        parts = self.gram.only(on), self.rough.only(on), self.trace[on], self.onehot[on]
        return Problems(*parts, self.c)

    def tolerance(self, at: _State) -> Float64:
        """Return how much Newton's method may still seem to gain at the end, (S, 1, 1).

        With a huge c rounding keeps the steps from ending at DISTANCE.
        """
        rounding = (10 * np.finfo(np.float64).eps * self.c) ** 2 * at.A[0].size * self.trace
        return np.asarray(DISTANCE**2 * (1 + dots(at.A, at.KA)) + rounding)


@dataclass
class _State:
    """Where S problems stand: coefficients A (S, k, n), intercepts b (S, k, 1), A K (S, k, n).

    probs (S, k, n) and losses (S, 1, 1) are those of the outputs A K + b.
    """

    A: Float64
    b: Float64
    KA: Float64
    probs: Float64
    losses: Float64

    def only(self, on: npt.NDArray[np.bool_]) -> _State:
        return _State(self.A[on], self.b[on], self.KA[on], self.probs[on], self.losses[on])


@dataclass(frozen=True)
class _Step:
    """A change of A, b and A K."""

    A: Float64
    b: Float64
    KA: Float64


def solve(problems: Problems) -> tuple[Float64, Float64]:
    """Return A (S, k, n) and b (S, k, 1) at the optimum.

    Raises:
        ArithmeticError: it was not reached.
    """
    S, k, n = problems.onehot.shape
    A, b = np.zeros((S, k, n)), np.zeros((S, k, 1))
    at = _State(A.copy(), b.copy(), A.copy(), *_softmax(problems.onehot, A))
    left = np.arange(S)
    for _ in range(NEWTON_STEPS):
        tolerance = problems.tolerance(at)
        gain = _move(problems, at, _newton_step(problems, at, tolerance))
        solved = (gain <= tolerance)[:, 0, 0]
        A[left[solved]], b[left[solved]] = at.A[solved], at.b[solved]
        if solved.all():
            return A, b
        if solved.any():
            problems, at, left = problems.only(~solved), at.only(~solved), left[~solved]
    raise ArithmeticError(
        f"logistic regression with C={problems.c:g} on {n} images came no nearer to its optimum "
        f"than {np.sqrt(gain.max()):.1g} in {NEWTON_STEPS} steps: give a smaller C"
    )


def _newton_step(problems: Problems, at: _State, tolerance: Float64) -> _Step:
    """Return Newton's step, but for the part that is not worth the products."""
    rough, c = problems.rough, problems.c
    precision = rough.used.dtype
    c_rough = precision.type(c)
    error = problems.onehot - at.probs
    factor = HessianFactor.of(at.probs, precision)
    for_intercept = np.matmul(factor.inverse, error.sum(axis=2, keepdims=True))
    start = factor.transposed_times_intercept(for_intercept.astype(precision))
    gradient = (at.A - c * error).astype(precision, copy=False)
    gradient += c_rough * factor.times(start)
    K_gradient = rough.times(gradient)
    to_gain = dots(gradient, K_gradient)

    def system(p: Array) -> Array:
        q = factor.projected(rough.times(factor.times(p)))
        q *= c_rough
        q += p
        return q

    def enough(gained: Float64) -> Float64:
        """How much of x may be missing, squared: a part of what the step would gain."""
        gain = to_gain - c * gained
        part = np.clip(gain, *np.square(FORCING)) * gain
        return np.asarray(np.maximum(part, 0.01 * tolerance) / c)

    x = _conjugate_gradients(system, factor.projected(-K_gradient), enough)
    step = (-gradient - c_rough * factor.times(x)).astype(np.float64, copy=False)
    KA = problems.gram.times(step)
    x += start
    x -= factor.transposed_times(KA.astype(precision, copy=False))
    return _Step(step, factor.intercept(x).astype(np.float64), KA)


def _conjugate_gradients(
    system: Product, wanted: Array, enough: Callable[[Float64], Float64]
) -> Array:
    """Return x (S, k, n) with |system(x) - wanted|^2 at most `enough(x'wanted)`."""
    number = wanted.dtype.type
    x, r, p = np.zeros_like(wanted), wanted, wanted.copy()
    rr = dots(r, r)
    floor, gained = (8 * np.finfo(number).eps) ** 2 * rr, np.zeros_like(rr)
    for _ in range(CG_STEPS):
        on = (rr > floor) & (rr > enough(gained))
        if not on.any():
            break
        q = system(p)
        alpha = np.divide(rr, dots(p, q), out=np.zeros_like(rr), where=on)
        gained += alpha * rr
        x += alpha.astype(number) * p
        q *= alpha.astype(number)
        r -= q
        rr, before = dots(r, r), rr
        p *= np.divide(rr, before, out=np.zeros_like(rr), where=on).astype(number)
        p += r
    return x


def _move(problems: Problems, at: _State, step: _Step) -> Float64:
    """Go the step, or part of it; return what that seemed to gain, (S, 1, 1)."""
    onehot, c = problems.onehot, problems.c
    outputs, change = at.KA + at.b, step.KA + step.b
    linear, square = 2 * dots(at.A, step.KA), dots(step.A, step.KA)
    slope = c * dots(at.probs - onehot, change) + linear / 2
    rounding = 1e-12 * (1 + np.abs(c * at.losses))
    part = np.ones_like(slope)
    for _ in range(HALVINGS):  # until the objective falls enough (Armijo)
        probs, losses = _softmax(onehot, outputs + part * change)
        rise = c * (losses - at.losses) + (part * linear + part**2 * square) / 2
        high = rise > 1e-4 * part * slope + rounding
        if not high.any():
            break
        part[high] /= 2
    at.A += part * step.A
    at.KA += part * step.KA
    at.b += part * step.b
    at.probs, at.losses = probs, losses
    return np.asarray(np.maximum(-slope, 0))


def _softmax(onehot: Float64, outputs: Float64) -> tuple[Float64, Float64]:
    """Return probabilities (S, k, n) and sums of log-losses (S, 1, 1) of outputs (S, k, n)."""
    outputs = outputs - outputs.max(axis=1, keepdims=True)
    probs = np.exp(outputs)
    totals = over_classes(probs)
    probs /= totals
    losses = np.log(totals).sum(axis=2, keepdims=True) - dots(onehot, outputs)
    return probs, np.asarray(losses)
