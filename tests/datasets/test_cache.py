import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rayal.datasets._files.cache import (
    build_once,
    check_space,
    content_key,
    memory_map,
    write_images,
)
from rayal.datasets._files.notes import read_notes
from rayal.datasets.image_folder import image_folder
from tests.datasets.made_up_images import folder_of_classes

ROWS = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)


def fill(folder: Path) -> None:
    write_images(folder / "train.npy", iter(ROWS), ROWS.shape)


def refuse(_: Path) -> None:
    raise AssertionError("made again")


def names(folder: Path) -> set[str]:
    """What a folder has besides locks."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_what_is_made_is_mapped_and_read_only(tmp_path: Path) -> None:
    folder = build_once(tmp_path / "new" / "set-1", {"name": "é"}, fill)
    images = memory_map(folder / "train.npy")
    assert np.array_equal(images, ROWS)
    assert isinstance(images, np.memmap)
    assert not images.flags.writeable
    assert json.loads((folder / "about.json").read_text()) == {"name": "é"}


def test_it_is_made_once(tmp_path: Path) -> None:
    build_once(tmp_path / "set", {}, fill)
    build_once(tmp_path / "set", {}, refuse)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_fails_half_way_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise error

    with pytest.raises(error):
        build_once(tmp_path / "set", {}, fail)
    assert names(tmp_path) == set()
    assert memory_map(build_once(tmp_path / "set", {}, fill) / "train.npy").shape == ROWS.shape


def test_what_a_killed_process_left_is_removed_and_made_anew(tmp_path: Path) -> None:
    """A process killed in `make` leaves its part, never a folder of the final name."""
    (tmp_path / ".set.0badcafe.tmp").mkdir()
    (tmp_path / ".set.0badcafe.part").mkdir()  # as versions before called it
    (tmp_path / ".set.0badcafe.part" / "train.npy").write_bytes(b"half")
    (tmp_path / "set").mkdir()  # by hand, or its about.json was deleted
    build_once(tmp_path / "set", {}, fill)
    assert names(tmp_path) == {"set"}
    assert names(tmp_path / "set") == {"train.npy", "whole.json", "about.json"}


def test_a_process_killed_while_it_writes_leaves_no_half_made_set(tmp_path: Path) -> None:
    def write_and_die(folder: Path) -> None:
        fill(folder)
        os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        build_once(tmp_path / "set", {}, write_and_die)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert "set" not in names(tmp_path)
    build_once(tmp_path / "set", {}, fill)
    assert names(tmp_path) == {"set"}


def test_two_that_ask_at_once_make_it_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def slow(folder: Path) -> None:
        calls.append(1)
        time.sleep(0.1)
        fill(folder)

    threads = [
        threading.Thread(target=build_once, args=(tmp_path / "set", {}, slow)) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(calls) == 1


def test_names_with_brackets_are_taken_as_they_are(tmp_path: Path) -> None:
    other = tmp_path / ".seta.1.part"
    other.mkdir()
    build_once(tmp_path / "set[a]*", {}, fill)
    assert names(tmp_path) == {"set[a]*", other.name}


@pytest.mark.parametrize("keep", [0, 50, -1])
def test_a_damaged_array_is_refused_with_the_way_out(tmp_path: Path, keep: int) -> None:
    path = build_once(tmp_path / "set", {}, fill) / "train.npy"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=f"is damaged .*remove the folder {tmp_path / 'set'}"):
        memory_map(path)


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file cannot be written to .* or by RAYAL_CACHE"):
        build_once(tmp_path / "file" / "set", {}, fill)


def test_a_disk_without_room_is_told_before_the_work(tmp_path: Path) -> None:
    check_space(tmp_path, 1000)
    with pytest.raises(ValueError, match=r"take 1,000,000,000.0 GB, and .* free; name another"):
        check_space(tmp_path, 10**18)


def test_a_key_names_its_content() -> None:
    assert content_key("a", [1, 2]) == content_key("a", [1, 2])
    assert (
        len({content_key("a", 1), content_key("a", 2), content_key("a1"), content_key(["a", 1])})
        == 4
    )


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-3] ^= 255
    path.write_bytes(content)


def turn_round(path: Path) -> None:
    np.save(path, np.load(path)[::-1])


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [flip, turn_round, pipe])
def test_decoded_images_that_are_not_what_was_made_are_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: Callable[[Path], None]
) -> None:
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    root = folder_of_classes(tmp_path / "cells", {"a": 4, "b": 4})
    kept = image_folder(path=str(root), size=6, test_share=0.25).content
    assert image_folder(path=str(root), size=6, test_share=0.25).content == kept
    [images] = (tmp_path / "cache").glob("*/train.npy")
    damage(images)
    with pytest.raises(ValueError, match=r"is damaged .*; remove the folder .*cells-.* is made"):
        image_folder(path=str(root), size=6, test_share=0.25)
    shutil.rmtree(images.parent)
    assert image_folder(path=str(root), size=6, test_share=0.25).content == kept


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"null", b"[" * 100_000])
def test_notes_that_are_damaged_are_refused_with_the_way_out(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "notes.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"notes\.json is damaged .*; remove the folder"):
        read_notes(tmp_path)


@pytest.mark.parametrize("content", ["", "null", "[" * 1000, "\xe9" * 32])
def test_a_kept_content_that_is_none_is_worked_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.setenv("RAYAL_CACHE", str(tmp_path / "cache"))
    root = folder_of_classes(tmp_path / "cells", {"a": 4, "b": 4})
    kept = image_folder(path=str(root), size=6, test_share=0.25).content
    [file] = (tmp_path / "cache").glob("*/content-*")
    file.write_text(content, encoding="latin-1")
    assert image_folder(path=str(root), size=6, test_share=0.25).content == kept
