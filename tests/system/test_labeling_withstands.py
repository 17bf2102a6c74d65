"""Projects that are killed, disks that fill up: nothing is lost, the same command goes on."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rayal.cli.main import main
from rayal.labeling.project import Project
from rayal.storage import atomic
from tests.labeling.images import folder_of, project_of
from tests.labeling.test_ingest import _annotation, _export

pytestmark = pytest.mark.slow

FINISHED = {"selection.csv", "contact-sheet.html", "label-studio.json", "labels.csv", "pool.csv"}
SLOWED = """\
import sys, time, os
import rayal.storage.atomic as atomic
real, left = atomic._rename, [int(sys.argv[1])]
def rename(temporary, path):
    left[0] -= 1
    if left[0] < 0:
        print("at", path.name, flush=True)
        time.sleep(60)
    real(temporary, path)
atomic._rename = rename
from rayal.cli.main import main
sys.exit(main(sys.argv[2:]))
"""


def _killed_at(writes: int, arguments: list[str], cwd: Path) -> bool:
    """Run a command until so many files were written, and kill it; whether it came so far."""
    with subprocess.Popen(
        [sys.executable, "-c", SLOWED, str(writes), *arguments],
        cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("at "):
                process.send_signal(signal.SIGKILL)
                return True
        return False


def _run(arguments: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rayal", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def test_a_kill_at_any_write_of_select_loses_nothing(tmp_path: Path) -> None:
    folder_of(tmp_path / "cells", 8)
    command = ["select", "cells", "--budget", "3", "--encoder", "pixels"]
    for writes in (0, 4, 9):
        assert _killed_at(writes, command, tmp_path)
    done = _run(command, tmp_path)
    assert done.returncode == 0, done.stderr
    project = Project.open(tmp_path / "cells-labels")
    assert len(project.rounds) == 1
    assert {path.name for path in project.root.iterdir()} >= FINISHED
    assert not list(project.root.glob(".*.tmp"))


def test_a_kill_in_the_next_round_and_in_ingest_loses_no_label(tmp_path: Path) -> None:
    project = project_of(tmp_path, count=10, budget=4)
    export = _export(project, [[_annotation("cat")], [_annotation("dog")], [_annotation("cat")]])
    _killed_at(0, ["ingest", "cells-labels", str(export)], tmp_path)
    taken = _run(["ingest", "cells-labels", str(export)], tmp_path)
    assert taken.returncode == 0, taken.stderr
    assert len(project.labels.labels()) == 3
    again = ["select", "cells-labels", "--budget", "2"]
    assert _killed_at(1, again, tmp_path)
    done = _run(again, tmp_path)
    assert done.returncode == 0, done.stderr
    project = Project.open(project.root)
    assert [len(made.chosen) for made in project.rounds] == [4, 2]
    assert len(project.labels.labels()) == 3


def test_a_full_disk_is_one_message_and_the_same_command_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of(tmp_path / "cells", 8)
    monkeypatch.chdir(tmp_path)
    command = ["select", "cells", "--budget", "3", "--encoder", "pixels"]

    def full(temporary: Path, path: Path) -> None:
        if path.name == "pool.csv":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        temporary.replace(path)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "_rename", full)
        assert main(command) == 2
    assert "no space left on the disk; free some and run the same" in capsys.readouterr().err
    assert main(command) == 0
