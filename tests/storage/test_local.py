"""Files on a disk: what may not be read, what is in the way, what is not ours."""

import contextlib
import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.storage.files import DamagedError, StoreError
from rayal.storage.local import LocalFiles
from tests.storage.calls_of_paths import CALLED_BY_PATHS


@pytest.fixture
def denied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be read: the superuser, as whom tests may run, is denied nothing by itself."""

    def deny(*args: object, **kwargs: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    for name in ("open", "scandir", "stat"):
        monkeypatch.setattr(os, name, deny)
        monkeypatch.setattr(CALLED_BY_PATHS, name, deny)


@pytest.mark.usefixtures("denied")
@pytest.mark.parametrize("verb", ["read", "exists", "list_files", "list_dir"])
def test_a_right_that_is_missing_is_not_told_as_damage(verb: str) -> None:
    with pytest.raises(StoreError, match=r"^x cannot be read: Permission denied; .* mode") as told:
        getattr(LocalFiles(), verb)(Path("x"))
    assert not isinstance(told.value, DamagedError)


def test_what_is_no_file_is_told_as_damage_with_the_way_out(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x")
    with pytest.raises(DamagedError, match=r"x is no file of a run: it is a pipe; remove it and"):
        LocalFiles().read(tmp_path / "x")


def test_only_files_are_listed_as_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    files = LocalFiles()
    assert files.list_files(tmp_path).keys() == {"file", "link"}
    assert files.list_dir(tmp_path) == {"file", "link", "dangling", "round", "folder", "pipe"}
    assert files.list_files(tmp_path / "absent") == {}


def test_a_link_to_itself_is_no_file_and_is_replaced_by_one(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to("x")
    assert not LocalFiles().exists(tmp_path / "x")
    with pytest.raises(DamagedError, match="it is a link that leads nowhere; remove it"):
        LocalFiles().read(tmp_path / "x")
    LocalFiles().write(tmp_path / "x", b"ours")
    assert LocalFiles().read(tmp_path / "x") == b"ours"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("a file")
    with (
        pytest.raises(StoreError, match=r"/tables cannot be written: File exists"),
        LocalFiles().upload_dir(tmp_path) as folder,
    ):
        (folder / "tables").mkdir()


def test_what_is_in_the_way_of_a_file_is_moved_aside_and_kept(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "inside").write_text(f"{number}")
        LocalFiles().write(tmp_path / "x", b"ours")
        assert (tmp_path / "x").read_bytes() == b"ours"
        LocalFiles().remove(tmp_path / "x")
    assert (tmp_path / "x.set-aside" / "inside").read_text() == "0"
    assert (tmp_path / "x.set-aside1" / "inside").read_text() == "1"
    (tmp_path / "x").mkdir()
    LocalFiles().remove(tmp_path / "x")
    assert (tmp_path / "x.set-aside2").is_dir()


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_a_log_is_not_written_through_a_link_or_to_a_special_file(
    tmp_path: Path, kind: str
) -> None:
    precious, log = tmp_path / "precious", tmp_path / "log.jsonl"
    precious.write_text("precious")
    {
        "link": lambda: log.symlink_to(precious),
        "hard link": lambda: log.hardlink_to(precious),
        "pipe": lambda: os.mkfifo(log),
        "folder": log.mkdir,
    }[kind]()
    with pytest.raises(StoreError, match=r"log\.jsonl is not written to: it is a .*; remove it"):
        LocalFiles().open_append(log)
    assert precious.read_text() == "precious"


@contextlib.contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Have the system end every write at this size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_line_that_the_disk_cannot_take_whole_is_not_there_at_all(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append = LocalFiles().open_append(path)
    append("the first line\n")
    with files_of_at_most(20), pytest.raises(OSError, match="No space left") as caught:
        append("the second line\n")
    assert caught.value.errno == errno.ENOSPC
    assert path.read_text() == "the first line\n"
    append("the third line\n")
    assert path.read_text() == "the first line\nthe third line\n"
