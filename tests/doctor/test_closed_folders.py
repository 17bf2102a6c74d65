"""A home, caches or TMPDIR below a folder that this user may not enter, as `su` without `-` leaves.

The folder is closed to its owner too, so that the trap is set without root; root, whom no folder is
closed to, is another user meanwhile.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rayal.datasets._files.cache import build_once
from rayal.datasets._files.locations import find_or_fetch
from rayal.doctor.check import find_check
from rayal.doctor.checks import home
from rayal.doctor.checks.disk import disk_under
from rayal.doctor.request import Request

NOBODY = 65534


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder with a folder `inside` that nobody can reach."""
    folder = tmp_path / "closed"
    (folder / "inside").mkdir(parents=True)
    folder.chmod(0)
    with as_another_user():
        yield folder
    folder.chmod(0o700)


@contextmanager
def as_another_user() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


def test_a_home_that_cannot_be_reached_is_replaced(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(closed / "inside"))
    for variable in ("RAYAL_CACHE", *(name for name, _ in home.CACHES)):
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)  # and what is set in its place goes at the end
    finding = find_check("home").find(Request())
    assert (finding.state, str(closed) in finding.measured) == ("mended", True)
    assert "cannot be written to" in finding.measured
    spare = closed.parent / "spare"
    monkeypatch.setattr(home, "_spare_folder", lambda: spare)
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "somebody")
    home.replace_missing()
    assert os.environ["RAYAL_CACHE"] == str(spare / "rayal")


def test_a_tmpdir_that_cannot_be_reached_is_left_alone(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(closed / "inside"))
    finding = find_check("temporary files").find(Request())
    assert finding.state == "mended"
    assert f"TMPDIR={closed / 'inside'} cannot be reached" in finding.measured


def test_the_disk_under_a_closed_folder_is_measured(closed: Path) -> None:
    disk = disk_under(closed / "inside" / "run")
    assert disk.total > 0
    assert not disk.is_writable


def test_a_cache_that_cannot_be_reached_is_refused_with_a_way_out(closed: Path) -> None:
    with pytest.raises(
        OSError, match=r"cannot be written to .*; name another folder by .* RAYAL_CACHE"
    ):
        build_once(closed / "inside" / "cells-0", {}, lambda folder: None)


def test_published_data_are_not_looked_for_where_nobody_can_enter(
    closed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYAL_DATA", str(closed / "inside"))
    with pytest.raises(FileNotFoundError, match=r"there is no .*; ask for it"):
        find_or_fetch("", "cifar", "ask for it")
