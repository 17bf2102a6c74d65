"""Multinomial logistic regression with an L2 penalty, solved to convergence, many problems at once.

    minimize over W (C, D), b (C,):   c * sum_i log-loss(softmax(W z_i + b), y_i) + ||W||^2 / 2

as scikit-learn's LogisticRegression(C=c) does; the intercept is not penalized.

At the optimum W = A'Z, with A = c (Y - P) the coefficients of the images (representer theorem), so
that outputs are K A + 1 b' with the Gram matrix K = ZZ'. Newton's method takes the Hessian of the
losses by the outputs, H = diag(p) - pp' = LL' for each image, L = diag(s) (I - ss'), s = sqrt(p).
Its step is A = c (Y - P - L v), where v solves

    (I + c L'KL) v = L' (c K (Y - P) - outputs) + L' 1 b',      1' L v = 1' (Y - P)

The second equation is what the intercept asks for; projecting on its solutions leaves a system
whose eigenvalues are at least 1, which conjugate gradients solve with one product by K a step,
whatever the rank of K: duplicates and more images than dimensions need no special care. With many
more images than dimensions K is applied as Z (Z' x).

Conjugate gradients run in float32 where that is enough, gradients and steps in float64. A problem
takes the steps that it would take alone, to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Float64: TypeAlias = npt.NDArray[np.float64]
Array: TypeAlias = npt.NDArray[Any]  # float64, or float32 inside conjugate gradients
Int64: TypeAlias = npt.NDArray[np.int64]
Product: TypeAlias = Callable[[Array], Array]

NEWTON_STEPS, CG_STEPS, HALVINGS = 100, 300, 40  # at the most; some 7, 10 and 0 are taken
FORCING = 1e-4, 0.1  # part of Newton's step that may be missing: as it gains, within these
DISTANCE = 1e-9  # from the optimum, relative to the weights, at which a problem counts as solved
SINGLE = 1e4  # condition of the system up to which conjugate gradients may run in float32
BLOCK_BYTES = 1 << 26  # of the matrices of problems that are solved together


def fit(inputs: Array, labels: Int64, num_classes: int, c: float) -> Float64:
    """Solve one problem; see `fit_many`.

    Args:
        inputs: (n, D) features.
        labels: (n,) classes from 0.
        num_classes: C.
        c: weight of the losses against the penalty; the smaller, the stronger the penalty.

    Returns:
        Weights (C, D + 1), the intercept last.
    """
    return fit_many([inputs], [labels], num_classes, c)[0]


def fit_many(
    inputs: Sequence[Array], labels: Sequence[Int64], num_classes: int, c: float
) -> list[Float64]:
    """Solve problems of any sizes; those of the same sizes are solved in step.

    Args:
        inputs: (n, D) features of each problem.
        labels: (n,) classes of each problem, from 0.
        num_classes: C.
        c: weight of the losses against the penalty.

    Returns:
        For each problem weights (C, D + 1), the intercept last. Over the classes that have a label
        they sum to 0; a class without one has weights 0 and an intercept of minus infinity, that
        is probability 0, which is where its intercept goes without end.

    Raises:
        ArithmeticError: an optimum was not reached.
    """
    seen = [np.unique(own) for own in labels]
    solved: dict[int, Float64] = {}
    for block in _blocks(inputs, seen, c):
        stacked = np.stack([inputs[i] for i in block]).astype(np.float64)
        onehot = np.stack([labels[i][:, None] == seen[i] for i in block]).astype(np.float64)
        for i, weights in zip(block, _solve(stacked, onehot, c), strict=True):
            solved[i] = _of_all_classes(weights, seen[i], num_classes)
    return [solved[number] for number in range(len(inputs))]


def objective(inputs: Array, labels: Int64, weights: Float64, c: float) -> float:
    """Return what is minimized, at weights (C, D + 1) that are finite where a label is."""
    outputs = inputs @ weights[:, :-1].T + weights[:, -1]
    losses = np.logaddexp.reduce(outputs, axis=1) - outputs[np.arange(len(labels)), labels]
    return float(c * losses.sum() + 0.5 * np.square(weights[:, :-1]).sum())


def _blocks(inputs: Sequence[Array], seen: Sequence[Int64], c: float) -> Iterator[list[int]]:
    """Yield which problems are solved together: equal in their sizes, and few enough for memory."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, (own, classes) in enumerate(zip(inputs, seen, strict=True)):
        groups.setdefault((*own.shape, len(classes), _fits_single(own, c)), []).append(number)
    for members in groups.values():
        n, D = inputs[members[0]].shape
        size = max(1, BLOCK_BYTES // (8 * n * (n + D)))
        yield from (members[at : at + size] for at in range(0, len(members), size))


def _fits_single(inputs: Array, c: float) -> bool:
    """Whether conjugate gradients may run in float32: c times K's trace bounds their condition."""
    return bool(c * inputs.var(axis=0, dtype=np.float64).sum() * len(inputs) < SINGLE)


def _of_all_classes(weights: Float64, seen: Int64, num_classes: int) -> Float64:
    """Put weights (k, D + 1) of the classes seen among those of all."""
    full = np.zeros((num_classes, weights.shape[1]))
    full[:, -1] = -np.inf
    full[seen] = weights
    return full


def _solve(inputs: Float64, onehot: Float64, c: float) -> Float64:
    """Return weights (S, k, D + 1) of S problems with inputs (S, n, D) and labels (S, n, k)."""
    mean = inputs.mean(axis=1, keepdims=True)
    centered = inputs - mean  # moves the intercept alone, and K's largest eigenvalue out of the way
    gram = _Gram.of(centered)
    rough = gram.in_precision(np.float32) if _fits_single(inputs[0], c) else gram
    A, b = _newton(_Problems(gram, rough, _sums(centered, centered), onehot, c))
    weights = np.matmul(A.transpose(0, 2, 1), centered)
    intercept = b.transpose(0, 2, 1) - np.matmul(weights, mean.transpose(0, 2, 1))
    return np.concatenate([weights, intercept], axis=2)


@dataclass(frozen=True)
class _Gram:
    """K = ZZ' of S problems, as a matrix or by its factor."""

    used: Array  # Z (S, n, D), or K (S, n, n) where that takes fewer products
    is_factor: bool

    @classmethod
    def of(cls, inputs: Float64) -> _Gram:
        n, D = inputs.shape[1:]
        if n > 2 * D:
            return cls(inputs, is_factor=True)
        return cls(np.stack([own @ own.T for own in inputs]), is_factor=False)

    def times(self, x: Array) -> Array:
        """Return K x, (S, n, k)."""
        if self.is_factor:
            x = np.matmul(self.used.transpose(0, 2, 1), x)
        return np.asarray(np.matmul(self.used, x))

    def in_precision(self, dtype: type[np.floating[Any]]) -> _Gram:
        return _Gram(self.used.astype(dtype, copy=False), self.is_factor)

    def only(self, problems: npt.NDArray[np.bool_]) -> _Gram:
        return _Gram(self.used[problems], self.is_factor)


@dataclass(frozen=True)
class _Problems:
    """S problems of the same sizes."""

    gram: _Gram
    rough: _Gram  # in the precision that conjugate gradients run in
    trace: Float64  # (S, 1, 1), of K
    onehot: Float64  # (S, n, k)
    c: float

    def only(self, on: npt.NDArray[np.bool_]) -> _Problems:
        parts = self.gram.only(on), self.rough.only(on), self.trace[on], self.onehot[on]
        return _Problems(*parts, self.c)

    def tolerance(self, at: _State) -> Float64:
        """Return how much Newton's method may still seem to gain at the end, (S, 1, 1).

        With a huge c rounding keeps the steps from ending at DISTANCE.
        """
        rounding = (10 * np.finfo(np.float64).eps * self.c) ** 2 * at.A[0].size * self.trace
        return np.asarray(DISTANCE**2 * (1 + _sums(at.A, at.KA)) + rounding)


@dataclass
class _State:
    """Where S problems stand: coefficients A (S, n, k), intercepts b (S, 1, k), K A (S, n, k)."""

    A: Float64
    b: Float64
    KA: Float64

    def only(self, on: npt.NDArray[np.bool_]) -> _State:
        return _State(self.A[on], self.b[on], self.KA[on])


def _newton(problems: _Problems) -> tuple[Float64, Float64]:
    """Return A (S, n, k) and b (S, 1, k) at the optimum."""
    S, n, k = problems.onehot.shape
    A, b = np.zeros((S, n, k)), np.zeros((S, 1, k))
    at, left = _State(A.copy(), b.copy(), A.copy()), np.arange(S)
    for _ in range(NEWTON_STEPS):
        gain = _move(problems, at, _target(problems, at))
        solved = (gain <= problems.tolerance(at))[:, 0, 0]
        A[left[solved]], b[left[solved]] = at.A[solved], at.b[solved]
        if solved.all():
            return A, b
        if solved.any():
            problems, at, left = problems.only(~solved), at.only(~solved), left[~solved]
    raise ArithmeticError(
        f"logistic regression with C={problems.c:g} on {n} images came no nearer to its optimum "
        f"than {np.sqrt(gain.max()):.1g} in {NEWTON_STEPS} steps: give a smaller C"
    )


@dataclass(frozen=True)
class _HessianFactor:
    """L of H = LL' by the outputs, image by image, and what the intercept sees of it."""

    root: Array  # (S, n, k), square roots of the probabilities
    inverse: Float64  # (S, k, k), of 1' H 1 where outputs sum to 0 over classes, as they all do

    @classmethod
    def of(cls, probs: Float64) -> _HessianFactor:
        counts = probs.sum(axis=1)[:, None]
        hessian = np.eye(probs.shape[2]) * counts - np.matmul(probs.transpose(0, 2, 1), probs)
        hessian += counts.mean(axis=2, keepdims=True)  # regular, and the same where sums are 0
        return cls(np.sqrt(probs), np.linalg.inv(hessian))

    def in_precision(self, dtype: np.dtype[Any]) -> _HessianFactor:
        return _HessianFactor(self.root.astype(dtype, copy=False), self.inverse)

    def times(self, v: Array) -> Array:
        """Return L v, (S, n, k)."""
        return np.asarray(self.root * (v - self.root * _over_classes(self.root * v)))

    def transposed_times(self, u: Array) -> Array:
        """Return L' u, (S, n, k)."""
        scaled = self.root * u
        return np.asarray(scaled - self.root * _over_classes(self.root * scaled))

    def intercept(self, v: Array) -> Array:
        """Return the b (S, 1, k) with L' 1 b' nearest to v."""
        sums = self.times(v).sum(axis=1, keepdims=True, dtype=np.float64)
        return np.asarray(np.matmul(sums, self.inverse).astype(v.dtype))

    def projected(self, v: Array) -> Array:
        """Return v without what an intercept could make of it."""
        return v - self.transposed_times(self.intercept(v))


def _target(problems: _Problems, at: _State) -> _State:
    """Return where Newton's method goes, but for the part that is not worth the steps."""
    gram, rough, c = problems.gram, problems.rough, problems.c
    outputs = at.KA + at.b
    probs = _softmax(outputs)
    error, factor = problems.onehot - probs, _HessianFactor.of(probs)

    def system(v: Array, gram: _Gram, factor: _HessianFactor) -> Array:
        K_part = factor.transposed_times(gram.times(factor.times(v)))
        return np.asarray(v + K_part * v.dtype.type(c))

    K_error = gram.times(error)
    wanted = factor.transposed_times(c * K_error - outputs)
    for_intercept = np.matmul(error.sum(axis=1, keepdims=True), factor.inverse)
    start = factor.transposed_times(np.broadcast_to(for_intercept, error.shape))
    residual = factor.projected(wanted - system(start, gram, factor))
    gradient, K_gradient = at.A - c * error, at.KA - c * K_error
    seen = factor.transposed_times(K_gradient)

    def enough(x: Float64) -> Float64:
        """How much of x may be missing, squared: a part of what the step would gain."""
        gain = _sums(gradient, K_gradient) + c * _sums(seen, start + x)
        part = np.clip(gain, *np.square(FORCING)) * gain
        return np.asarray(np.maximum(part, 0.01 * problems.tolerance(at)) / c)

    near = factor.in_precision(rough.used.dtype)
    v = start + _conjugate_gradients(
        lambda p: near.projected(system(p, rough, near)), residual, enough, rough.used.dtype
    )
    A = c * (error - factor.times(v))
    KA = gram.times(A)
    return _State(A, at.b + factor.intercept(v - factor.transposed_times(KA - at.KA)), KA)


def _conjugate_gradients(
    system: Product,
    wanted: Float64,
    enough: Callable[[Float64], Float64],
    precision: np.dtype[Any],
) -> Float64:
    """Return x (S, n, k) with |system(x) - wanted|^2 at most `enough(x)`."""
    size = np.sqrt(_sums(wanted, wanted))
    r = np.divide(wanted, size, out=np.zeros_like(wanted), where=size > 0).astype(precision)
    floor = (8 * np.finfo(precision).eps) ** 2
    x, p, rr = np.zeros_like(r), r, _sums(r, r)
    for _ in range(CG_STEPS):
        on = (rr > floor) & (rr * size**2 > enough(x * size))
        if not on.any():
            break
        q = system(p)
        alpha = np.divide(rr, _sums(p, q), out=np.zeros_like(rr), where=on).astype(precision)
        x, r = x + alpha * p, r - alpha * q
        rr, before = _sums(r, r), rr
        beta = np.divide(rr, before, out=np.zeros_like(rr), where=on).astype(precision)
        p = r + beta * p
    return x * size


def _move(problems: _Problems, at: _State, to: _State) -> Float64:
    """Go to the target, or part of the way; return what that seemed to gain, (S, 1, 1)."""
    onehot, c = problems.onehot, problems.c
    d, Kd, db = to.A - at.A, to.KA - at.KA, to.b - at.b
    outputs, change = at.KA + at.b, Kd + db
    gradient = c * (_softmax(outputs) - onehot)
    slope = _sums(gradient, change) + _sums(at.A, Kd)
    linear, square = 2 * _sums(d, at.KA), _sums(d, Kd)
    start = c * _losses(onehot, outputs)
    rounding = 1e-12 * (1 + np.abs(start))
    step = np.ones_like(slope)
    for _ in range(HALVINGS):  # until the objective falls enough (Armijo)
        penalty = (step * linear + step**2 * square) / 2
        rise = c * _losses(onehot, outputs + step * change) + penalty - start
        high = rise > 1e-4 * step * slope + rounding
        if not high.any():
            break
        step[high] /= 2
    at.A, at.KA, at.b = at.A + step * d, at.KA + step * Kd, at.b + step * db
    return np.asarray(np.maximum(-slope, 0))


def _losses(onehot: Float64, outputs: Float64) -> Float64:
    """Return the sums of log-losses (S, 1, 1)."""
    highest = outputs.max(axis=2, keepdims=True)
    log_sums = np.log(np.exp(outputs - highest).sum(axis=2, keepdims=True)) + highest
    return np.asarray(log_sums.sum(axis=1, keepdims=True) - _sums(onehot, outputs))


def _softmax(outputs: Float64) -> Float64:
    odds = np.exp(outputs - outputs.max(axis=2, keepdims=True))
    odds /= odds.sum(axis=2, keepdims=True)
    return np.asarray(odds)


def _over_classes(x: Array) -> Array:
    """Return sums (S, n, 1) over the classes; with so few of them numpy's own sum is slower."""
    return np.asarray(np.matmul(x, np.ones((x.shape[2], 1), x.dtype)))


def _sums(x: Array, y: Array) -> Float64:
    """Return the sums (S, 1, 1) of products of two arrays (S, ., k), problem by problem."""
    products = (x * y).reshape(len(x), -1)
    return np.asarray(products.sum(axis=1, dtype=np.float64)[:, None, None])
