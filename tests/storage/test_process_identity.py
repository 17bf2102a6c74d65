"""A process is told from another of its number, and from those of other machines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayal.storage.process_identity import has_ended, identity

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")


def test_this_process_has_not_ended() -> None:
    assert has_ended(identity()) is False


def test_another_process_of_the_same_number_is_not_the_same() -> None:
    assert has_ended({**identity(), "began": "1"}) is True


def test_of_another_machine_nothing_is_known() -> None:
    assert has_ended({**identity(), "machine": "another"}) is None
    assert has_ended({}) is None


def test_a_process_that_its_parent_has_not_asked_after_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.DEVNULL)
    about = {**identity(), "process": process.pid, "began": "it does not matter"}
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert has_ended(about) is True
    process.wait()
    assert has_ended(about) is True


def test_a_process_that_proc_hides_is_taken_for_the_one_that_wrote(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    about, read = identity(), Path.read_text

    def hide_stat(path: Path, encoding: str | None = None, errors: str | None = None) -> str:
        if path.name == "stat":
            raise FileNotFoundError(path)
        return read(path, encoding, errors)

    monkeypatch.setattr(Path, "read_text", hide_stat)
    assert has_ended(about) is False
