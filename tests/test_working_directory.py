"""Relative paths mean the same before and after a component."""

from pathlib import Path

import pytest

from rayal.cli import sweep
from rayal.working_directory import working_directory_kept
from tests import sweeps


def test_the_working_directory_comes_back_whatever_ends_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with working_directory_kept():
        monkeypatch.chdir(tmp_path)
    before = Path.cwd()
    assert before != tmp_path

    def fail() -> None:
        monkeypatch.chdir(tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), working_directory_kept():
        fail()
    assert Path.cwd() == before


def test_one_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with working_directory_kept():
        pass


PLUGIN = """
import os
import numpy as np
from rayal.contracts import Embedding, Predictions, encoder, learner, strategy

@strategy()
def strays(pool, budget, rng):
    "Go elsewhere."
    os.chdir("/")
    return pool.unlabeled[:budget]

@strategy()
def strays_and_fails(pool, budget, rng):
    "Go elsewhere."
    os.chdir("/")
    raise ValueError("lost")

@learner()
def straying(task, rng):
    "Go elsewhere."
    os.chdir("/")
    even = np.full((len(task.test), task.num_classes), 1 / task.num_classes, np.float32)
    pool = np.full((len(task.train), task.num_classes), 1 / task.num_classes, np.float32)
    return Predictions(even, predict_pool=lambda: pool)

@encoder()
def wandering(dataset, rng, progress):
    "Go elsewhere."
    os.chdir("/")
    draw = np.random.default_rng(0)
    train, test = (draw.normal(size=(len(s.labels), 2)) for s in (dataset.train, dataset.test))
    return Embedding(train.astype(np.float32), test.astype(np.float32))
"""


def test_components_that_change_it_cost_no_other_trial_and_write_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "straying.py").write_text(PLUGIN)
    sweeps.write_sweep(
        tmp_path, plugins=["straying.py"], strategies=["strays", "strays_and_fails", "random"],
        encoders=["wandering"], learners=["straying"], budgets=[10], seeds=1,
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert sweep.main(["sweep.yaml", "--out", "run", "--local", "--no-report"]) == 1
    assert Path.cwd() == tmp_path
    assert len(sweeps.records(tmp_path / "run")) == 2
    assert len(list((tmp_path / "run" / "failures").iterdir())) == 1
    assert not Path("/run/records").exists()
