import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rayal.cli import sweep
from rayal.run.signals import (
    STOP_SIGNALS,
    StopRequestedError,
    handlers_kept,
    interruptible,
    raise_if_asked,
)
from tests import sweeps


@pytest.mark.usefixtures("heard_hangup")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_signal_that_asks_to_stop_interrupts_and_handlers_come_back(
    number: signal.Signals,
) -> None:
    before = signal.getsignal(number)

    def stop() -> None:
        with interruptible():
            os.kill(os.getpid(), number)
            time.sleep(5)

    with pytest.raises(StopRequestedError):
        stop()
    assert signal.getsignal(number) == before


def test_a_hangup_that_is_ignored_stays_so_as_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            os.kill(os.getpid(), signal.SIGHUP)
            time.sleep(0.1)
    finally:
        signal.signal(signal.SIGHUP, before)


def swallow(number: signal.Signals) -> None:
    try:
        os.kill(os.getpid(), number)
        time.sleep(5)
    except BaseException:  # noqa: BLE001 - as components do
        pass


class Finalized:
    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("body", [lambda: swallow(signal.SIGINT), lambda: Finalized() and None])
def test_a_stop_that_a_component_swallows_is_raised_again(body: Callable[[], None]) -> None:
    def stop() -> None:
        with interruptible(), interruptible():
            body()
            raise_if_asked()

    with pytest.raises(StopRequestedError):
        stop()
    raise_if_asked()  # once the command has ended nothing is asked any more


def test_a_child_that_a_component_forks_ends_by_a_signal_as_any_process() -> None:
    with interruptible():
        child = os.fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGTERM
    raise_if_asked()


def end_by(number: int, frame: object) -> None:
    sys.exit(number)


def test_a_library_that_takes_sigterm_for_itself_ends_no_run_without_a_word() -> None:
    def start_library() -> None:
        with handlers_kept():
            signal.signal(signal.SIGTERM, end_by)  # as ray.init does
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)

    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(StopRequestedError):
        start_library()
    assert signal.getsignal(signal.SIGTERM) == before


SWALLOWING = """
import os, signal, time
from rayal.contracts import strategy

@strategy()
def swallowing(pool, budget, rng):
    "Choose whatever happens."
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except BaseException:
        pass
    return pool.unlabeled[:budget]
"""


def test_a_sweep_stops_though_a_strategy_catches_everything(tmp_path: Path) -> None:
    (tmp_path / "swallowing.py").write_text(SWALLOWING)
    path = sweeps.write_sweep(
        tmp_path, plugins=["swallowing.py"], strategies=["swallowing"], budgets=[10], seeds=3
    )
    arguments = [str(path), "--out", str(tmp_path / "run"), "--local", "--no-report"]
    assert sweep.main(arguments) == 130
    assert sweeps.records(tmp_path / "run") == {}
