"""MoCo in bf16, which keeps eight binary digits, held against float32."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Embedding
from rayal.encoders._training import checkpoints
from tests.encoders import test_checkpoint_files as resumed
from tests.encoders.test_moco import QUICK, digits, encode

NEAR = 0.05  # between mean losses of an epoch, of 4 to 5


def trained(n: int = 300, **params: Any) -> tuple[list[float], Embedding]:
    """Return the mean loss of each epoch, and what was made."""
    told: list[Any] = []
    found = encode(digits(n, 50), progress=told.append, **{**QUICK, "queue": 90, **params})
    return [said["loss"] for said in told if said["epoch"] == round(said["epoch"])], found


@pytest.mark.parametrize(
    "network",
    [
        {"backbone": "small_cnn", "epochs": 6},
        pytest.param(
            {"backbone": "resnet18", "stem": "cifar", "n": 128, "epochs": 2}, marks=pytest.mark.slow
        ),
    ],
    ids=["small_cnn", "resnet18"],
)
def test_losses_in_half_precision_stay_near_those_in_whole(network) -> None:
    whole, half = (trained(**network, precision=name)[0] for name in ("float32", "bf16"))
    assert len(whole) == network["epochs"]
    assert whole != half
    np.testing.assert_allclose(half, whole, atol=NEAR)


@pytest.mark.slow
def test_the_map_of_half_precision_is_finite_and_orders_images_alike() -> None:
    (_, whole), (_, half) = (trained(epochs=6, precision=name) for name in ("float32", "bf16"))
    for tau, confidence in half.map.confidence.items():
        assert np.isfinite(confidence).all()
        assert np.isfinite(half.map.variability[tau]).all()
        assert ((confidence >= 0) & (confidence <= 1)).all()
        assert np.corrcoef(confidence, whole.map.confidence[tau])[0, 1] > 0.95
    assert np.isfinite(half.train).all()
    assert half.train.dtype == np.float32
    assert {str(weight.dtype) for weight in half.weights.values()} <= {"float32", "int64", "<U9"}


@pytest.mark.slow
def test_a_training_in_half_precision_killed_again_and_again_gives_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SHARE", float("inf"))  # each epoch is kept
    for reports in (2, 2, 2, 2, 2, 2, 2):
        try:
            found = resumed.encode(tmp_path, resumed.killed_after(reports), precision="bf16")
            break
        except resumed.Killed:
            continue
    else:
        pytest.fail("each life must do one epoch more than the last")
    resumed.assert_equal(found, resumed.encode(None, precision="bf16"))
