"""Against every row, pass and anchor on its own, the mixing written down as in the paper."""

import numpy as np
import pytest

from rayal.kernels import last_layer
from rayal.kernels.last_layer import dropout_changes, mixing_changes, predicted_classes
from tests.draws import draws


def problem(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    n, H, C, A = (int(rng.integers(*bounds)) for bounds in ((1, 40), (1, 9), (2, 6), (1, 5)))
    hidden = rng.normal(size=(n, H)).astype(np.float32)
    weights = rng.normal(size=(C, H + 1)).astype(np.float32)
    return hidden, weights, (3 * rng.normal(size=(A, H))).astype(np.float32)


def slow_class(row: np.ndarray, weights: np.ndarray) -> int:
    logits = [w[:-1].astype(np.float64) @ row.astype(np.float64) + float(w[-1]) for w in weights]
    return int(np.argmax(logits))


def slow_mixing(z: np.ndarray, weights: np.ndarray, anchors: np.ndarray) -> bool:
    """Parvaneh et al. 2022, Eq. 4 and 5, one anchor after another."""
    w = weights[:, :-1].astype(np.float64)
    z = z.astype(np.float64)
    logits = w @ z + weights[:, -1]
    p = np.exp(logits - logits.max())
    p /= p.sum()
    y = int(p.argmax())
    gradient = (p - np.eye(len(p))[y]) @ w
    eps = 0.2 / np.sqrt(len(z))
    for anchor in anchors.astype(np.float64):
        away = anchor - z
        alpha = eps * np.linalg.norm(away) * gradient / (np.linalg.norm(gradient) * away)
        mixed = alpha * anchor + (1 - alpha) * z
        if int((w @ mixed + weights[:, -1]).argmax()) != y:
            return True
    return False


@pytest.mark.parametrize("seed", draws(200))
def test_mixing_changes_equal_the_slow_twins(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_layer, "ROWS", 7)
    hidden, weights, anchors = problem(seed)
    expected = [slow_mixing(z, weights, anchors) for z in hidden]
    assert mixing_changes(hidden, weights, anchors).tolist() == expected


@pytest.mark.parametrize("seed", draws(200))
def test_dropout_changes_equal_the_slow_twins(seed: int) -> None:
    hidden, weights, _ = problem(seed)
    changes = dropout_changes(hidden, weights, 3, 0.75, np.random.default_rng(seed))
    draw = np.random.default_rng(seed)
    expected = np.zeros(len(hidden), dtype=int)
    for _ in range(3):
        kept = draw.random(hidden.shape, dtype=np.float32) >= 0.75
        for i, row in enumerate(hidden):
            dropped = np.where(kept[i], row * 4.0, 0.0)
            expected[i] += slow_class(dropped, weights) != slow_class(row, weights)
    assert changes.tolist() == expected.tolist()
    assert predicted_classes(hidden, weights).tolist() == [slow_class(r, weights) for r in hidden]


def test_what_is_very_sure_still_has_a_direction() -> None:
    """p - one-hot would be rounding errors alone."""
    weights = np.array([[1000, 0, 0], [0, 1, 0]], dtype=np.float32)
    hidden = np.array([[1, 1], [0.0001, 1]], dtype=np.float32)
    anchors = np.array([[0, 1], [9000, 1]], dtype=np.float32)
    assert mixing_changes(hidden, weights, anchors).tolist() == [True, True]
    assert mixing_changes(hidden, weights, anchors[:1]).tolist() == [False, False]


@pytest.mark.parametrize("bias", [-np.inf, -1e30])
def test_classes_that_are_out_of_the_question_are_never_changed_to(bias: float) -> None:
    hidden, weights, anchors = problem(3)
    weights[1:, :-1], weights[1:, -1] = 0, bias
    assert not mixing_changes(hidden, weights, anchors).any()
    assert not dropout_changes(hidden, weights, 2, 0.5, np.random.default_rng(0)).any()


def test_one_class_changes_to_no_other() -> None:
    hidden, weights, anchors = problem(4)
    assert not mixing_changes(hidden, weights[:1], anchors).any()
