import subprocess
import sys

import pytest

from rayal.run.ray.last_word import ENDED

BODY = "import os, signal\nfrom rayal.run.ray.last_word import last_word\nwith last_word():\n    "


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_a_process_that_is_ended_without_being_asked_is_told_of(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BODY + end], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert ended.stderr == f"{ENDED}\n"


@pytest.mark.parametrize("end", ["pass", "raise SystemExit(1)"])
def test_a_process_that_leaves_the_body_has_no_last_word(end: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BODY + end], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("", "")
