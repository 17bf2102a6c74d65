import subprocess
import sys

import pytest

from rayal.cli import sweep_end

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
    ran = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_a_fault_in_the_report_does_not_stop_the_sweep_that_loads_it_ahead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ImportError("no analysis is installed")

    monkeypatch.setattr(sweep_end, "bundled_analysis", broken)
    sweep_end.load_report()
