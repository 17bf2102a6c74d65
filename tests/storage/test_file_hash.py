import hashlib
import os
import time
from pathlib import Path

import pytest

from rayal.storage import file_hash as hashes
from rayal.storage.file_hash import file_hash

LONG_AGO = 1_000_000_000


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(time, "time", lambda: time.monotonic() + 2**33)  # all files are settled
    return tmp_path / "cache" / "hashes"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were read."""
    files: list[Path] = []
    honest = hashes._hash
    monkeypatch.setattr(hashes, "_hash", lambda path: files.append(path) or honest(path))
    return files


def test_it_is_the_sha_256_of_the_content(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "a").write_bytes(content)
    assert file_hash(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_once_in_all_processes(tmp_path: Path, read: list[Path]) -> None:
    (tmp_path / "a").write_text("one")
    first = file_hash(tmp_path / "a")
    (tmp_path / "b").symlink_to("a")
    assert file_hash(tmp_path / "b") == file_hash(tmp_path / "a") == first
    assert read == [tmp_path / "a"]


@pytest.mark.parametrize("change", ["other size", "other time", "same size and time", "replaced"])
def test_a_file_that_changed_is_read_again(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    os.utime(path, (LONG_AGO, LONG_AGO))
    first = file_hash(path)
    time.sleep(0.02)  # a file system's clock has ticks
    if change == "replaced":
        (tmp_path / "b").write_text("two")
        (tmp_path / "b").replace(path)
    else:
        path.write_text("three" if change == "other size" else "two")
    if change != "other time":
        os.utime(path, (LONG_AGO, LONG_AGO))
    assert file_hash(path) != first


def test_a_file_that_was_just_written_is_not_remembered(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("RAYAL_CACHE", str(cache.parent))
    (tmp_path / "a").write_text("one")
    file_hash(tmp_path / "a")
    assert not cache.exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"stamp": 1}'])
def test_a_damaged_memory_is_not_trusted(tmp_path: Path, cache: Path, damage: str) -> None:
    (tmp_path / "a").write_text("one")
    first = file_hash(tmp_path / "a")
    for file in cache.iterdir():
        file.write_text(damage)
    assert file_hash(tmp_path / "a") == first


def test_where_nothing_can_be_remembered_it_is_worked_out_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "file"))
    (tmp_path / "a").write_text("one")
    assert file_hash(tmp_path / "a") == hashlib.sha256(b"one").hexdigest()


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="no plain file"):
            file_hash(path)
    with pytest.raises(FileNotFoundError):
        file_hash(tmp_path / "none")
