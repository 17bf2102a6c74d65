import signal
from pathlib import Path
from typing import NoReturn

import pytest

from rayal.cli import sweep, sweep_end, sweep_run
from tests import sweeps
from tests.scripts import run_script

LOADED = """
import sys
from rayal.cli.sweep_end import load_report
load_report()
before = set(sys.modules)
from analysis import report
print(*set(sys.modules) - before)
"""


@pytest.mark.slow
def test_a_report_that_was_loaded_ahead_imports_nothing_more_when_it_is_asked_for() -> None:
    ran = run_script(LOADED)
    assert ran.stdout.strip() == ""


def test_a_fault_in_the_report_does_not_stop_the_sweep_that_loads_it_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ImportError("no analysis is installed")

    monkeypatch.setattr(sweep_end, "bundled_analysis", broken)
    sweep_end.load_report()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_report_leaves_the_records_and_says_how_to_make_it(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def interrupted(*_: object) -> NoReturn:
        signal.raise_signal(number)
        raise AssertionError("nobody heard it")

    monkeypatch.setattr(sweep_run, "write_report", interrupted)
    out = tmp_path / "run"
    status = sweep.main([str(sweeps.write_sweep(tmp_path, seeds=1)), "--local", "--out", str(out)])
    assert status == 130
    said = capsys.readouterr().out
    assert f"trials are kept; make the report with: python -m rayal report {out}" in said
