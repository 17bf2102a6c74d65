"""What is written is on the disk before its name appears."""

import os
from pathlib import Path

import pytest

from rayal.storage import atomic
from rayal.storage.local import LocalFiles


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
    }
    assert renamed == [2]
    assert (tmp_path / "made" / "deeper" / "about.json").read_bytes() == b"{}"
