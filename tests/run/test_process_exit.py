"""os._exit in a component is an error, and no way to end a run with status 0."""

import os
import posix
from collections.abc import Callable
from pathlib import Path

import pytest

from rayal.cli import sweep
from rayal.run.process_exit import ProcessExitError, exits_are_errors
from tests import sweeps
from tests.scripts import run_script


@pytest.mark.parametrize("end", [lambda: os._exit(0), lambda: posix._exit(3)])
def test_an_exit_in_the_main_thread_is_raised(end: Callable[[], None]) -> None:
    before = os._exit
    with exits_are_errors(), pytest.raises(ProcessExitError, match="ended the whole run"):
        end()
    assert os._exit is posix._exit is before


@pytest.mark.parametrize("status", [0, 5])
def test_a_forked_process_ends_as_it_means_to(status: int) -> None:
    with exits_are_errors():
        child = os.fork()
        if child == 0:
            os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status


@pytest.mark.parametrize(("status", "expected"), [(0, 1), (5, 5)])
def test_a_thread_ends_the_process_with_a_message_and_never_with_0(
    status: int, expected: int
) -> None:
    code = (
        "import os, threading\n"
        "from rayal.run.process_exit import exits_are_errors\n"
        "with exits_are_errors():\n"
        f"    thread = threading.Thread(target=lambda: os._exit({status}))\n"
        "    thread.start()\n    thread.join()\n"
    )
    ended = run_script(code, status=expected, env=sweeps.environment())
    assert f"a thread ended the process by os._exit({status})" in ended.stderr


PLUGIN = """
from os import _exit
from rayal.contracts import Embedding, encoder, strategy

@strategy()
def leaving(pool, budget, rng):
    'Leave.'
    _exit(0)

@encoder()
def going(dataset, rng, progress):
    'Leave.'
    _exit(0)
"""
CHANGES: dict[str, dict[str, object]] = {
    "a strategy": {"strategies": ["random", "leaving"]},
    "an encoder": {"encoders": ["pixels", "going"], "strategies": ["random"]},
}


@pytest.mark.parametrize("where", CHANGES)
def test_a_component_that_leaves_fails_its_trials_and_no_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], where: str
) -> None:
    (tmp_path / "leaving.py").write_text(PLUGIN)
    path = sweeps.write_sweep(
        tmp_path, **CHANGES[where], plugins=["leaving.py"], budgets=[10], seeds=2, learners=["knn"]
    )
    run = tmp_path / "run"
    assert sweep.main([str(path), "--out", str(run), "--local", "--no-report"]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "2 of 4 trials done, 2 failed" in told
    assert "ProcessExitError: os._exit(0) would have ended the whole run" in told
    assert len(sweeps.records(run)) == 2


def test_a_plugin_that_leaves_when_it_is_imported_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gone.py").write_text("import os\nos._exit(0)\n")
    path = sweeps.write_sweep(tmp_path, plugins=["gone.py"])
    assert sweep.main([str(path), "--out", str(tmp_path / "run"), "--local"]) == 2
    assert "gone.py, line 2: ProcessExitError" in capsys.readouterr().err.replace("\n", " ")


STAYING = """
import multiprocessing, sys, threading, time
from rayal.run import process_exit
process_exit.GRACE = 0.5

@process_exit.ends_in_time
def command():
    if sys.argv[1] == "thread":
        threading.Thread(target=time.sleep, args=(600,), name="staying").start()
    else:
        fork = multiprocessing.get_context("fork")
        fork.Process(target=time.sleep, args=(600,), name="staying").start()
    print("done")
    return 3

if __name__ == "__main__":
    sys.exit(command())
"""


@pytest.mark.parametrize("what", ["thread", "process"])
def test_what_a_component_leaves_running_keeps_no_command_from_its_end(what: str) -> None:
    ended = run_script(STAYING, what, status=3, env=sweeps.environment(), timeout=120)
    assert ended.stdout == "done\n"
    assert "a component has left what does not end (staying)" in ended.stderr
