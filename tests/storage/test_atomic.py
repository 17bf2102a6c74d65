"""What is written appears complete, on the disk before its name is there; and locks."""

import contextlib
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from rayal.storage import atomic
from rayal.storage.local import LocalFiles
from tests.storage.calls_of_paths import CALLED_BY_PATHS


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, bytes]]:
    """The files flushed to the disk, in order, by name and by the content that they then had."""
    seen: list[tuple[Path, bytes]] = []
    flush = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((path, path.read_bytes()))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    return seen


@pytest.fixture
def renamed(monkeypatch: pytest.MonkeyPatch, flushed: list[tuple[Path, bytes]]) -> list[int]:
    """How many files had been flushed at each renaming."""
    counts: list[int] = []
    for name in ("replace", "rename"):
        rename = getattr(os, name)

        def watched(*args: object, rename=rename, **kwargs: object) -> object:
            counts.append(len(flushed))
            return rename(*args, **kwargs)

        monkeypatch.setattr(os, name, watched)
        monkeypatch.setattr(CALLED_BY_PATHS, name, watched)
    return counts


def test_a_file_is_flushed_whole_before_it_has_its_name(
    tmp_path: Path, flushed: list[tuple[Path, bytes]], renamed: list[int]
) -> None:
    atomic.write_bytes(tmp_path / "record.json", b"content")
    [(path, content)] = flushed
    assert path.parent == tmp_path
    assert path.name != "record.json"
    assert content == b"content"
    assert renamed == [1]
    assert (tmp_path / "record.json").read_bytes() == b"content"


def test_all_files_of_a_folder_are_flushed_before_it_has_its_name(
    tmp_path: Path, flushed: list[tuple[Path, bytes]], renamed: list[int]
) -> None:
    with LocalFiles().create_dir_atomic(tmp_path / "made") as folder:
        (folder / "deeper").mkdir()
        (folder / "train.npy").write_bytes(b"features")
        (folder / "deeper" / "about.json").write_bytes(b"{}")
        assert flushed == []
    assert {path.name: content for path, content in flushed} == {
        "train.npy": b"features",
        "about.json": b"{}",
        "whole.json": (tmp_path / "made" / "whole.json").read_bytes(),
    }
    assert renamed == [3]
    assert (tmp_path / "made" / "deeper" / "about.json").read_bytes() == b"{}"


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    atomic.write_bytes(path, b"old")
    with contextlib.suppress(RuntimeError), atomic.temporary_beside(path) as temporary:
        temporary.write_bytes(b"new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_replaced_and_what_it_points_to_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "x").symlink_to(tmp_path / "precious")
    atomic.write_bytes(tmp_path / "x", b"ours")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "x").read_text() == "ours"


def test_only_what_a_killed_write_left_is_a_leftover(tmp_path: Path) -> None:
    kept = [".draft.tmp", ".a.json.tmp", "a.json.0badcafe.tmp", ".a.json.12345678.txt"]
    for name in kept:
        (tmp_path / name).write_text("a person's")
    (tmp_path / ".a.json.0badcafe.tmp").write_text("half")
    (tmp_path / ".b.0badcafe.tmp").mkdir()
    atomic.remove_leftovers(tmp_path, "a.json")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, ".b.0badcafe.tmp"}
    atomic.remove_leftovers(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*kept}


def test_a_lock_that_is_held_names_its_holder_and_is_free_afterwards(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        atomic.lock(path),
        pytest.raises(atomic.LockedError, match=f"^process {os.getpid()} on"),
        atomic.lock(path, wait=False),
    ):
        pass
    with atomic.lock(path, wait=False):
        pass


def test_who_waits_for_a_lock_has_it_when_it_is_free(tmp_path: Path) -> None:
    order = []

    def wait() -> None:
        with atomic.lock(tmp_path / ".lock"):
            order.append("second")

    with atomic.lock(tmp_path / ".lock"):
        thread = threading.Thread(target=wait)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def _lock_and_die(path: Path) -> None:
    with atomic.lock(path):
        os._exit(9)


def test_a_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process = multiprocessing.get_context("fork").Process(
        target=_lock_and_die, args=(tmp_path / ".lock",)
    )
    process.start()
    process.join()
    assert process.exitcode == 9
    assert atomic.holder_has_ended((tmp_path / ".lock").read_text())
    with atomic.lock(tmp_path / ".lock", wait=False):
        assert not atomic.holder_has_ended((tmp_path / ".lock").read_text())


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder"])
def test_a_lock_is_not_taken_through_a_link_or_on_a_special_file(tmp_path: Path, kind: str) -> None:
    precious, path = tmp_path / "precious", tmp_path / ".lock"
    precious.write_text("precious")
    {
        "link": lambda: path.symlink_to(precious),
        "hard link": lambda: path.hardlink_to(precious),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
    }[kind]()
    with pytest.raises(OSError, match=r"\.lock is a link or no plain file"), atomic.lock(path):
        pass
    assert precious.read_text() == "precious"
