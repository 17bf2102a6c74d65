"""What a component changes of the process is put back after it."""

import gc
import locale
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch

from rayal.cli import sweep
from rayal.process_state import process_state_kept
from tests import sweeps
from tests.scripts import run_script


def test_the_working_directory_comes_back_whatever_ends_the_body(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with process_state_kept("test"):
        monkeypatch.chdir(tmp_path)
    before = Path.cwd()
    assert before != tmp_path

    def fail() -> None:
        monkeypatch.chdir(tmp_path)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), process_state_kept("test"):
        fail()
    assert Path.cwd() == before


def test_one_that_is_gone_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with process_state_kept("test"):
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


def _mask() -> int:
    mask = os.umask(0o22)
    os.umask(mask)
    return mask


CHANGES: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
    "divisions by zero": (lambda: np.seterr(all="raise"), np.geterr),
    "torch's number type": (
        lambda: torch.set_default_dtype(torch.float64),
        torch.get_default_dtype,
    ),
    "torch's device": (lambda: torch.set_default_device("meta"), lambda: torch.empty(0).device),
    "gradients": (lambda: torch.set_grad_enabled(False), torch.is_grad_enabled),
    "torch's threads": (lambda: torch.set_num_threads(3), torch.get_num_threads),
    "faiss's threads": (lambda: faiss.omp_set_num_threads(3), faiss.omp_get_max_threads),
    "deterministic algorithms": (
        lambda: torch.use_deterministic_algorithms(True),
        torch.are_deterministic_algorithms_enabled,
    ),
    "environment": (
        lambda: os.environ.update(HOME="/x", OF_A_COMPONENT="1"),
        lambda: dict(os.environ),
    ),
    "a variable less": (lambda: os.environ.pop("PATH"), lambda: dict(os.environ)),
    "warnings": (lambda: warnings.simplefilter("error"), lambda: list(warnings.filters)),
    "recursion": (lambda: sys.setrecursionlimit(9000), sys.getrecursionlimit),
    "garbage": (gc.disable, gc.isenabled),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL, "C"),
        lambda: locale.setlocale(locale.LC_ALL),
    ),
    "modes of new files": (
        lambda: os.umask(0o777),
        lambda: (mask := os.umask(0o22), os.umask(mask))[0],
    ),
    "a signal": (
        lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN),
        lambda: signal.getsignal(signal.SIGTERM),
    ),
    "signals held back": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}),
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
    ),
    "standard output": (lambda: setattr(sys, "stdout", None), lambda: sys.stdout),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_component_changes_of_the_process_is_put_back(what: str) -> None:
    change, look = CHANGES[what]
    before = look()
    with process_state_kept("test"):
        change()
    assert look() == before


def test_a_timer_that_a_component_leaves_does_not_end_the_run() -> None:
    of_pytest = signal.setitimer(signal.ITIMER_REAL, 0)
    with process_state_kept("test"):
        signal.alarm(3600)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    signal.setitimer(signal.ITIMER_REAL, *of_pytest)


def test_global_generators_begin_at_each_call_at_its_own_seed() -> None:
    def draw(*names: str | int) -> list[float]:
        with process_state_kept(*names):
            return [random.random(), float(np.random.random()), float(torch.rand(()))]  # noqa: NPY002

    assert draw("query", 1) == draw("query", 1)
    assert all(a != b for a, b in zip(draw("query", 1), draw("query", 2), strict=True))


def test_global_generators_go_on_afterwards_as_if_nothing_had_been_drawn() -> None:
    def next_draws() -> list[float]:
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        torch.manual_seed(3)
        with process_state_kept("query", *names):
            torch.rand(5)
        return [random.random(), float(np.random.random()), float(torch.rand(()))]  # noqa: NPY002

    names: list[int] = [1]
    first = next_draws()
    names = [2]
    assert next_draws() == first


CLOSES = """
import os, sys
from rayal.process_state import process_state_kept
with process_state_kept("test"):
    sys.stdout.close()
    os.close(2)
with open(sys.argv[1], "w") as record:
    print("said", flush=True)
    print("told", file=sys.stderr, flush=True)
    record.write("whole")
"""


def test_what_closes_the_standard_streams_sends_no_prints_into_files(tmp_path: Path) -> None:
    ended = run_script(CLOSES, tmp_path / "record")
    assert (ended.stdout, ended.stderr) == ("said\n", "told\n")
    assert (tmp_path / "record").read_text() == "whole"


FORKS = """
import os, sys
from rayal.process_state import process_state_kept
with process_state_kept("test"):
    child = os.fork()
    if child == 0 and sys.argv[1] == "exit":
        sys.exit(3)
    if child == 0 and sys.argv[1] == "raise":
        raise ValueError
    if child:
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print("went on")
"""


@pytest.mark.parametrize(("how", "status"), [("return", 0), ("exit", 3), ("raise", 1)])
def test_a_child_that_comes_back_from_a_component_does_not_go_on_with_the_run(
    how: str, status: int
) -> None:
    ended = run_script(FORKS, how)
    assert ended.stdout == f"{status}\nwent on\n"


CHANGING = """
import sys
import numpy as np
from rayal.contracts import strategy

@strategy()
def {name}(pool, budget, rng):
    "Change what belongs to all."
    {change}
    return pool.unlabeled[np.random.permutation(len(pool.unlabeled))[:budget]]
"""


def test_a_component_that_changes_the_process_changes_no_other_trial(tmp_path: Path) -> None:
    found: dict[str, list[Any]] = {}
    for change in ("pass", "np.seterr(all='raise'); np.random.seed(1)"):
        name = f"changing_{len(found)}"
        folder = tmp_path / name
        folder.mkdir()
        (folder / "changing.py").write_text(CHANGING.format(name=name, change=change))
        sweeps.write_sweep(
            folder, plugins=["changing.py"], strategies=[name, "kmeans"],
            learners=["linear"], budgets=[10], seeds=1,
        )  # fmt: skip
        arguments = [str(folder / "sweep.yaml"), "--out", str(folder / "run")]
        assert sweep.main([*arguments, "--local", "--no-report"]) == 0
        found[change] = sorted(
            row["selected"] + [row["auc"]]
            for record in sweeps.records(folder / "run").values()
            if record["definition"]["strategy"]["name"] == "kmeans"
            for row in record["rounds"]
        )
    [plain, changed] = found.values()
    assert len(plain) == 1
    assert plain == changed
