import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from rayal.cli import encode, encoder_stages
from rayal.contracts import UNLABELED, DatasetMap
from rayal.encoders._moco.training import Pretraining
from rayal.storage import dataset_map
from rayal.storage.run import RunStore
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.sweeps import ROOT, write_sweep

pytestmark = pytest.mark.slow

MOCO: dict[str, Any] = {
    "name": "moco",
    "backbone": "small_cnn",
    "epochs": 3,
    "warmup_epochs": 1,
    "batch_size": 64,
    "queue": 64,
    "projection": 8,
    "augmentation": "grey",
    "taus": [0.2, 0.05],
    "truth_epochs": 1,
}
DIGITS = [{"name": "digits", "test_fraction": 0.9}]


def sweep(folder: Path, *encoders: Any) -> Path:
    return write_sweep(folder, encoders=list(encoders), datasets=DIGITS, seeds=1)


def run(*arguments: object) -> int:
    return encode.main([str(a) for a in arguments])


def keys(path: Path) -> list[str]:
    return list(make_plan(load_sweep(path)).embeddings)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_the_stages_of_a_sweep_are_made_where_the_sweep_finds_them(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep(tmp_path, MOCO, "pixels")
    assert run(path, "--out", out) == 0
    store = RunStore(out)
    assert all(store.artifacts.is_complete(key) for key in keys(path))
    assert not any(store.artifacts.checkpoint_folder(key).exists() for key in keys(path))
    printed = capsys.readouterr().out
    assert "moco (backbone=small_cnn" in " ".join(printed.split())
    assert "179 x 128" in printed
    assert "179 x 64" in printed
    assert "truth" in printed


def test_what_is_there_is_not_made_again(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sweep(tmp_path, "pixels")
    assert run(path, "--out", out) == 0
    monkeypatch.setattr(encoder_stages, "make_embedding", lambda *given: pytest.fail("made again"))
    assert run(path, "--out", out) == 0


def test_one_dataset_is_encoded_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = ["--set", "encoders=[pixels]", "--set", "datasets.digits.test_fraction=0.9"]
    assert run("digits", *settings) == 0
    assert "179 x 64" in capsys.readouterr().out
    assert len(list((tmp_path / "runs/digits/artefacts").iterdir())) == 1


def test_showing_makes_and_writes_nothing(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep(tmp_path, "pixels")
    assert run(path, "--out", out, "--show") == 0
    assert "not made" in capsys.readouterr().out
    assert not out.exists()


def test_the_map_is_one_table_with_its_figure_beside_it(tmp_path: Path, out: Path) -> None:
    path = sweep(tmp_path, MOCO)
    assert run(path, "--out", out) == 0
    (key,) = keys(path)
    files = sorted(file.name for file in (out / "maps").iterdir())
    assert files == [f"digits-moco-{key}.{suffix}" for suffix in ("parquet", "pdf", "png", "svg")]
    table = pq.read_table(out / "maps" / f"digits-moco-{key}.parquet")
    assert table.column_names == [
        "index", "label", "count", "confidence_0.2", "variability_0.2",
        "confidence_0.05", "variability_0.05", "truth_confidence", "truth_variability",
    ]  # fmt: skip
    assert table.num_rows == 179
    found = RunStore(out).artifacts.embedding(key).map
    assert found is not None
    assert np.array_equal(table["confidence_0.05"].to_numpy(), found.confidence[0.05])


def test_a_map_without_labels_has_no_such_column_and_one_with_some_has_nulls(
    tmp_path: Path,
) -> None:
    values = {0.1: np.arange(3, dtype=np.float32)}
    found = DatasetMap(values, values, np.full(3, 2))
    dataset_map.write_table(tmp_path / "a.parquet", found, np.full(3, UNLABELED))
    assert "label" not in pq.read_schema(tmp_path / "a.parquet").names
    dataset_map.write_table(tmp_path / "b.parquet", found, np.array([2, UNLABELED, 0]))
    assert pq.read_table(tmp_path / "b.parquet")["label"].to_pylist() == [2, None, 0]


def test_a_failing_encoder_is_named_and_the_others_are_made(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep(tmp_path, {**MOCO, "base_lr": 1e30, "warmup_epochs": 0}, "pixels")
    assert run(path, "--out", out) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "failed moco (" in printed
    assert "FloatingPointError: the loss of epoch" in printed
    broken, pixels = keys(path)
    assert not RunStore(out).artifacts.is_complete(broken)
    assert RunStore(out).artifacts.is_complete(pixels)
    assert "Traceback" in RunStore(out).failure_path(broken).read_text()


def interrupted_before(epoch: int) -> Callable[..., None]:
    honest = Pretraining._train_epoch

    def train(self: Pretraining, at: int, pace: Any) -> None:
        if at == epoch:
            signal.raise_signal(signal.SIGINT)
        honest(self, at, pace)

    return train


def test_an_interrupted_training_goes_on_with_the_same_result(
    tmp_path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweep(tmp_path, MOCO)
    (key,) = keys(path)
    monkeypatch.setattr("rayal.encoders._training.checkpoints._SHARE", float("inf"))
    with monkeypatch.context() as patch:
        patch.setattr(Pretraining, "_train_epoch", interrupted_before(2))
        assert run(path, "--out", out) == 130
        assert "go on with: python -m rayal.encode" in capsys.readouterr().out
        assert (RunStore(out).artifacts.checkpoint_folder(key) / "contrast.pt").exists()
        assert run(path, "--out", out, "--show") == 0
        assert "unfinished" in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr(Pretraining, "_train_epoch", interrupted_before(0))  # which is done already
        assert run(path, "--out", out) == 0
    assert not RunStore(out).artifacts.checkpoint_folder(key).exists()
    assert run(path, "--out", tmp_path / "whole") == 0
    again, whole = (
        RunStore(out).artifacts.embedding(key),
        RunStore(tmp_path / "whole").artifacts.embedding(key),
    )
    assert np.array_equal(again.train, whole.train)
    assert np.array_equal(again.map.confidence[0.2], whole.map.confidence[0.2])
    assert np.array_equal(again.map.truth, whole.map.truth)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digitz"], "there is no dataset named 'digitz', did you mean 'digits'"),
        (["digits", "--set", "encoders.moco.epochs=0"], "epochs=0 is refused"),
        (["none.yaml"], "none.yaml cannot be read"),
        (["../digits"], "neither a sweep file nor a dataset's name"),
        (
            ["digits", "--set", "encoders=[{name: checkpoint, weights: none.pth}]"],
            "encoder 'checkpoint': weights=none.pth: there is no such file",
        ),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_starts(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "runs").exists()


def test_a_directory_of_another_sweep_is_refused(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out.mkdir()
    (out / "plan.json").write_text(json.dumps({"name": "other", "trials": {}}))
    assert run(sweep(tmp_path, "pixels"), "--out", out) == 2
    assert "belongs to the sweep 'other'" in " ".join(capsys.readouterr().err.split())


BREAKS_IN_THE_THIRD_EPOCH = """
from rayal.encoders._moco import model as contrast

honest, calls = contrast.info_nce, []

def info_nce(*args):
    calls.append(1)
    return honest(*args) * (float("nan") if len(calls) > 6 else 1)  # an epoch has three steps

contrast.info_nce = info_nce
"""


def test_a_loss_that_is_no_number_stops_the_command_and_the_last_good_epoch_stays(
    tmp_path: Path, out: Path
) -> None:
    (tmp_path / "breaking.py").write_text(BREAKS_IN_THE_THIRD_EPOCH)
    path = sweep(tmp_path, {**MOCO, "epochs": 4, "truth_epochs": 0})
    command = [sys.executable, "-m", "rayal.encode", str(path), "--out", str(out)]
    breaking = [*command, "--set", f"plugins=[{tmp_path / 'breaking.py'}]"]
    ended = subprocess.run(breaking, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 1, ended.stderr
    said = " ".join(ended.stdout.split())
    assert "FloatingPointError: the loss of epoch 3 is nan" in said
    assert "lower base_lr" in said
    (key,) = keys(path)
    place = RunStore(out).artifacts.checkpoint_folder(key) / "contrast.pt"
    assert isinstance(place, Path)
    assert f"the last good epoch that was kept is in {place}" in said
    kept = torch.load(place, weights_only=True)
    assert kept["epochs"] in (1, 2)
    weights = [w for w in kept["parts"]["contrast"]["query"].values() if w.is_floating_point()]
    assert all(torch.isfinite(weight).all() for weight in weights)

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert RunStore(out).artifacts.is_complete(key)


def test_an_encoder_that_leaves_the_process_fails_alone(
    tmp_path: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leaving.py").write_text(LEAVING)
    encoders = ["by_sys", "by_os", "pixels"]
    path = write_sweep(
        tmp_path, encoders=encoders, datasets=DIGITS, seeds=1, plugins=["leaving.py"]
    )
    assert run(path, "--out", out) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "failed by_sys on digits: SystemExit: 0" in printed
    assert "failed by_os on digits: ProcessExitError" in printed
    assert "179 x 64" in printed


LEAVING = """
import os
import sys
from rayal.contracts import encoder

@encoder()
def by_sys(dataset, rng, progress):
    "Leave."
    sys.exit(0)

@encoder()
def by_os(dataset, rng, progress):
    "Leave."
    os._exit(0)
"""


def test_a_sweep_that_comes_with_rayal_is_named_as_for_the_sweep_itself(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("quickstart", "--show", "--out", out) == 0
    assert "not made" in capsys.readouterr().out
