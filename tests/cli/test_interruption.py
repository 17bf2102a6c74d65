"""A command that is stopped says so in a line, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from rayal.cli import encode, evidence, ingest, label, predict, report, select, sweep
from rayal.cli.interruption import stops_with_a_message
from rayal.run.signals import STOP_SIGNALS
from tests import sweeps


@pytest.mark.usefixtures("heard_hangup")
@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_each_signal_ends_a_command_with_130_and_a_line(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    @stops_with_a_message
    def waiting(arguments: Sequence[str] | None = None, *, prog: str = "") -> int:
        os.kill(os.getpid(), number)
        time.sleep(5)
        return 0

    assert waiting() == 130
    assert capsys.readouterr().err.startswith("rayal: interrupted; what is finished is kept")


def terminate(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)


@pytest.mark.parametrize(
    ("command", "first_step"),
    [
        *[(c, "parser") for c in (encode, evidence, ingest, label, predict, select, sweep)],
        (report, "_is_project"),
    ],
)
def test_commands_that_take_long_are_stopped_from_their_first_step_on(
    command: ModuleType, first_step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, first_step, terminate)
    assert command.main(["anything"]) == 130


PLUGIN = """
import os, signal, time
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(20)
"""


@pytest.mark.slow
def test_a_sweep_that_is_terminated_while_it_is_planned_says_so(tmp_path: Path) -> None:
    path = sweeps.write_sweep(tmp_path, plugins=["signal_sender.py"])
    (tmp_path / "signal_sender.py").write_text(PLUGIN)
    ended = subprocess.run(
        [sys.executable, "-m", "rayal", "sweep", str(path), "--local"], capture_output=True,
        text=True, timeout=120, env=sweeps.environment(), cwd=tmp_path, check=False,
    )  # fmt: skip
    assert ended.returncode == 130, ended.stderr
    assert ended.stderr == (
        "rayal: interrupted; what is finished is kept, and the same command goes on\n"
    )
