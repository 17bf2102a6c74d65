import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from rayal.contracts import Dataset, Embedding, Split
from rayal.encoders._training import checkpoints
from rayal.encoders._training.checkpoints import Checkpoint
from rayal.registry import ENCODERS
from rayal.seeds import generator

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
QUICK: dict[str, Any] = {
    "backbone": "small_cnn",
    "epochs": 3,
    "batch_size": 40,
    "queue": 70,  # no multiple of a batch: the oldest key is somewhere in the middle
    "warmup_epochs": 1,
    "momentum_encoder": 0.9,
    "augmentation": "grey",
    "flip": False,
    "projection": 8,
    "truth_epochs": 2,
    "taus": [0.2, 0.05],
}


class Killed(BaseException):
    """Nothing in the code may catch it."""


def digits(n: int = 120) -> Dataset:
    pictures, labels = load_digits(return_X_y=True)
    images = np.round(pictures.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
    parts = [Split(images[i : i + n], labels[i : i + n]) for i in (0, n, 2 * n)]
    return Dataset("digits", tuple("0123456789"), *parts)


def encode(folder: Path | None, progress: Any = lambda _: None, **params: Any) -> Embedding:
    component = ENCODERS.find("moco")
    bound = component.bind({**QUICK, **params})
    found: Embedding = component.function(digits(), generator("t"), progress, folder, **bound)
    return found


def killed_after(reports: int) -> Any:
    """A listener that ends the process, as it were, at that report of a finished epoch.

    Slow machines report within epochs too, every two seconds.
    """
    finished = []

    def listen(report: Any) -> None:
        if float(report["epoch"]).is_integer():
            finished.append(report)
        if len(finished) == reports:
            raise Killed

    return listen


def assert_equal(one: Embedding, other: Embedding) -> None:
    """Bit by bit."""
    assert np.array_equal(one.train, other.train)
    assert np.array_equal(one.test, other.test)
    for tau in one.map.confidence:
        assert np.array_equal(one.map.confidence[tau], other.map.confidence[tau])
        assert np.array_equal(one.map.variability[tau], other.map.variability[tau])
    assert np.array_equal(one.map.count, other.map.count)
    assert np.array_equal(one.map.truth, other.map.truth)
    for name, weight in one.weights.items():
        assert np.array_equal(weight, other.weights[name]), name


@pytest.fixture
def every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each epoch, however short."""
    monkeypatch.setattr(checkpoints, "_SHARE", float("inf"))


@pytest.fixture(scope="module")
def uninterrupted() -> Embedding:
    return encode(None)


@pytest.mark.usefixtures("every_epoch")
@pytest.mark.parametrize("micro_batch", [None, 16])
def test_a_training_killed_again_and_again_gives_the_same_result(
    tmp_path: Path, uninterrupted: Embedding, micro_batch: int | None
) -> None:
    whole = uninterrupted if micro_batch is None else encode(None, micro_batch=micro_batch)
    epochs = []
    for reports in (2, 2, 2, 2, 2, 2, 2):  # within the second epoch that each life begins
        try:
            found = encode(tmp_path, killed_after(reports), micro_batch=micro_batch)
            break
        except Killed:
            epochs.append(sorted(path.name for path in tmp_path.iterdir()))
    else:
        pytest.fail("each life must do one epoch more than the last")
    assert len(epochs) >= 3
    assert epochs[-1] == ["contrast.pt", "truth.pt"]
    assert_equal(found, whole)


def test_keeping_changes_nothing(tmp_path: Path, uninterrupted: Embedding) -> None:
    assert_equal(encode(tmp_path), uninterrupted)
    # All is done already, so only what follows training is done again.
    told: list[Any] = []
    assert_equal(encode(tmp_path, told.append), uninterrupted)
    assert told == []


CHILD = """
import sys
from pathlib import Path
from tests.encoders import test_checkpoint_files
import torch
torch.set_num_threads(1)
test_checkpoint_files.checkpoints._SHARE = float("inf")
test_checkpoint_files.encode(Path(sys.argv[1]), epochs=400)
"""


def test_a_process_killed_at_any_moment_leaves_an_epoch_to_go_on_from(tmp_path: Path) -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        until = time.monotonic() + 60
        while not (tmp_path / "contrast.pt").exists() and time.monotonic() < until:
            time.sleep(0.05)
        time.sleep(0.3)  # into the middle of some later epoch, or of its writing
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    kept = torch.load(tmp_path / "contrast.pt", weights_only=True)
    assert 1 <= kept["epochs"] < 400


def test_a_diverging_loss_says_where_the_last_good_epoch_is_and_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_epoch: None
) -> None:
    from rayal.encoders._moco import model as contrast

    calls = []
    honest = contrast.info_nce

    def breaks_in_the_third_epoch(*args: Any) -> torch.Tensor:
        calls.append(1)
        return honest(*args) * (float("nan") if len(calls) > 6 else 1)

    monkeypatch.setattr(contrast, "info_nce", breaks_in_the_third_epoch)
    with pytest.raises(
        FloatingPointError,
        match=r"loss of epoch 3 is nan at learning rate .*lower base_lr.*good epoch .* is in",
    ):
        encode(tmp_path)
    kept = torch.load(tmp_path / "contrast.pt", weights_only=True)
    assert kept["epochs"] == 2
    weights = kept["parts"]["contrast"]["query"].values()
    assert all(torch.isfinite(w).all() for w in weights if w.is_floating_point())


def test_weights_that_are_no_numbers_are_never_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, every_epoch: None
) -> None:
    from rayal.encoders._moco.model import MomentumContrast

    looks = iter([True, False])
    monkeypatch.setattr(MomentumContrast, "is_finite", lambda self: next(looks))
    with pytest.raises(FloatingPointError, match="a weight of epoch 2 is not finite"):
        encode(tmp_path)
    assert torch.load(tmp_path / "contrast.pt", weights_only=True)["epochs"] == 1


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut", None])
def test_a_damaged_file_is_named_with_the_way_out(tmp_path: Path, damage: bytes | None) -> None:
    if damage is None:
        torch.save({"epochs": 1, "parts": {}}, tmp_path / "contrast.pt")
    else:
        (tmp_path / "contrast.pt").write_bytes(damage)
    with pytest.raises(ValueError, match=r"contrast\.pt .*damaged or of another version or"):
        encode(tmp_path)


def test_the_names_in_a_file_stay_so_that_older_ones_are_restored(tmp_path: Path) -> None:
    encode(tmp_path)
    parts = {
        name: {part: set(state) for part, state in saved["parts"].items()}
        for name in ("contrast", "truth")
        for saved in [torch.load(tmp_path / f"{name}.pt", weights_only=True)]
    }
    assert parts["contrast"] == {
        "contrast": {"query", "key", "queue", "oldest"},
        "optimiser": {"state", "param_groups"},
        "map": {"count", "sum", "squares"},
        "random": {"state"},
    }
    assert parts["truth"].pop("classifier") > {"1.weight", "1.bias"}
    assert parts["truth"] == {
        "optimiser": {"state", "param_groups"},
        "map": {"count", "sum", "squares"},
        "batches": {"state"},
        "views": {"state"},
    }


class Number:
    def __init__(self, value: float) -> None:
        self.value = value

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        self.value = state["value"]


def saved(folder: Path, value: float) -> Checkpoint:
    """A checkpoint of one number, saved after an epoch."""
    checkpoint = Checkpoint(folder, "n", {"number": Tensor(value)})
    checkpoint.save(1, last=True)
    return checkpoint


class Tensor(Number):
    def state_dict(self) -> dict[str, Any]:
        return {"value": torch.full((100,), self.value)}


def test_a_file_of_another_training_is_not_gone_on_from(tmp_path: Path) -> None:
    saved(tmp_path / "one.unfinished", 1)
    (tmp_path / "one.unfinished").rename(tmp_path / "one.unfinished-0badcafe")  # of an object store
    assert Checkpoint(tmp_path / "one.unfinished-0badcafe", "n", {"number": Tensor(0)}).restore()
    (tmp_path / "one.unfinished-0badcafe").rename(tmp_path / "two.unfinished")
    with pytest.raises(ValueError, match="of another version or training; delete it"):
        Checkpoint(tmp_path / "two.unfinished", "n", {"number": Tensor(0)}).restore()


def test_a_flipped_bit_in_what_a_training_goes_on_from_is_told(tmp_path: Path) -> None:
    checkpoint = saved(tmp_path, 1)
    assert checkpoint.path is not None
    content = bytearray(checkpoint.path.read_bytes())
    content[content.find(torch.ones(100).numpy().tobytes()) + 40] ^= 0x40
    checkpoint.path.write_bytes(content)
    with pytest.raises(ValueError, match=r"n\.pt .*it is damaged"):
        checkpoint.restore()


@pytest.mark.parametrize("content", [[], {"epochs": None, "parts": {}}, {"parts": [1]}, 3])
def test_a_file_of_another_form_is_told(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "n.pt")
    with pytest.raises(ValueError, match="it is damaged or of another version"):
        Checkpoint(tmp_path, "n", {"number": Number(0)}).restore()


def test_a_write_that_fails_leaves_the_earlier_epoch_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = Number(1.0)
    kept = Checkpoint(tmp_path / "made", "it", {"number": number})
    kept.save(1, last=True)
    number.value = 2.0

    def full(state: Any, file: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(OSError, match="No space"):
            kept.save(2, last=True)
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["it.pt"]
    assert kept.restore() == 1
    assert number.value == 1.0


def test_writing_that_takes_too_much_time_is_left_out_but_for_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SHARE", 0.0)
    number = Number(0.0)
    kept = Checkpoint(tmp_path, "it", {"number": number})
    seen = []
    for epoch in range(1, 6):
        number.value = float(epoch)
        kept.save(epoch, last=epoch == 5)
        seen.append(torch.load(tmp_path / "it.pt", weights_only=True)["epochs"])
    assert seen == [1, 1, 1, 1, 5]


def test_without_a_folder_nothing_is_kept() -> None:
    kept = Checkpoint(None, "it", {"number": Number(0.0)})
    kept.save(1, last=True)
    assert kept.restore() == 0
    assert kept.hint() == ""
