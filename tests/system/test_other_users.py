"""A first sweep of a user without root, without a home, with private files and in a long path."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sweeps

pytestmark = pytest.mark.slow

NOBODY = 65534
LONG_PATH = 200  # characters


def as_another_user() -> None:
    """In the process that is started: no root, private files."""
    os.umask(0o077)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def others_may_enter(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in path.resolve().parents)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder of the other user; pytest's own lie where root alone may enter."""
    made = Path(tempfile.mkdtemp(prefix="rayal-test-"))
    if os.geteuid() == 0:
        if not all(map(others_may_enter, (made, Path(sys.executable), sweeps.ROOT / "rayal"))):
            made.rmdir()
            pytest.skip("another user cannot read this checkout, its Python or temporary files")
        os.chown(made, NOBODY, NOBODY)
    yield made
    (made / "closed").chmod(0o700)
    shutil.rmtree(made)


@pytest.mark.parametrize("home", ["/nonexistent", "closed/home"])
def test_a_sweep_ends_for_a_user_without_root_or_home_in_a_long_path(
    folder: Path, home: str
) -> None:
    (folder / "closed" / "home").mkdir(parents=True)
    (folder / "closed").chmod(0)
    sweep = sweeps.write_sweep(folder, strategies=["random"], budgets=[10], seeds=1)
    out = folder / ("r" * (LONG_PATH - len(str(folder)) - 1))
    assert len(str(out)) == LONG_PATH
    hidden = ("RAYAL_CACHE", "XDG_CACHE_HOME", "MPLCONFIGDIR")
    variables = {k: v for k, v in sweeps.environment().items() if k not in hidden}
    ended = subprocess.run(
        sweeps.command(sweep, out, "--local"),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
        env={**variables, "HOME": str(folder / home)}, cwd=folder,
        preexec_fn=as_another_user, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout
    assert "1 of 1 trials done, 0 failed" in ended.stdout
    assert "mended: home: " in ended.stdout
    assert {record.stat().st_mode & 0o077 for record in (out / "records").iterdir()} == {0}
