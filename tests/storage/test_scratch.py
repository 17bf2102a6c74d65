import os
import signal
import subprocess
import sys
from pathlib import Path

from rayal.storage.scratch import PREFIX, remove_abandoned, scratch_folder
from tests import sweeps

HOLDER = """
import sys, time
from pathlib import Path
from rayal.storage.scratch import scratch_folder
with scratch_folder(Path(sys.argv[1])) as folder:
    print(folder, flush=True)
    time.sleep(300)
"""


def test_a_scratch_folder_is_private_and_goes_with_its_block(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "token").touch()
        remove_abandoned(tmp_path)
        assert (folder / "token").exists()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_start_and_not_before(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True,
        env=sweeps.environment(),
    ) as holder:  # fmt: skip
        assert holder.stdout
        folder = Path(holder.stdout.readline().strip())
        with scratch_folder(tmp_path):
            assert folder.is_dir()
        holder.send_signal(signal.SIGKILL)
    assert folder.is_dir()
    with scratch_folder(tmp_path):
        assert not folder.exists()


def test_folders_that_are_not_ours_stay(tmp_path: Path) -> None:
    (tmp_path / f"{PREFIX}mine").mkdir()  # a person's own, without our mark
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".owner").touch()
    (tmp_path / f"{PREFIX}link").symlink_to(elsewhere)
    foreign = tmp_path / f"{PREFIX}foreign"
    foreign.mkdir()
    (foreign / ".owner").touch()
    if os.geteuid() == 0:
        os.chown(foreign, 65534, 65534)
    remove_abandoned(tmp_path)
    assert (tmp_path / f"{PREFIX}mine").is_dir()
    assert (elsewhere / ".owner").exists()
    assert foreign.exists() == (os.geteuid() == 0)
