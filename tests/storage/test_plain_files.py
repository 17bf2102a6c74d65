"""What stands in the place of a file and is none is told in bounded time and memory."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from rayal.storage import plain_files


def _bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(path.parent)  # a socket's name is short
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)


SPECIAL: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_file_is_neither_read_nor_added_to(tmp_path: Path, kind: str) -> None:
    SPECIAL[kind](tmp_path / "x")
    assert not plain_files.is_plain(tmp_path / "x")
    with pytest.raises(plain_files.NotPlainError, match=kind):
        plain_files.read(tmp_path / "x")
    with pytest.raises(plain_files.NotPlainError, match="it is a"):
        plain_files.open_append(tmp_path / "x")


def test_a_socket_is_not_waited_for(tmp_path: Path) -> None:
    _bind(tmp_path / "x")
    assert not plain_files.is_plain(tmp_path / "x")
    with pytest.raises(OSError, match="No such device"):
        plain_files.read(tmp_path / "x")


def test_a_file_is_read_up_to_its_largest_size(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234")
    assert plain_files.read(tmp_path / "x", largest=4) == b"1234"
    with pytest.raises(plain_files.NotPlainError, match="it is larger than"):
        plain_files.read(tmp_path / "x", largest=3)


def test_a_file_of_a_terabyte_is_refused_at_once(tmp_path: Path) -> None:
    with (tmp_path / "x").open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(plain_files.NotPlainError, match="it is larger than 268 MB"):
        plain_files.read(tmp_path / "x")


def test_links_are_followed_to_read_and_not_to_write(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "link").symlink_to(precious)
    (tmp_path / "hard").hardlink_to(precious)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert plain_files.read(tmp_path / "link") == b"precious"
    for name in ("link", "hard", "dangling"):
        with pytest.raises(plain_files.NotPlainError, match=r"it is a (link|second name)"):
            plain_files.open_append(tmp_path / name)
    assert precious.read_text() == "precious"
    assert not (tmp_path / "nowhere").exists()


def test_text_is_added_to_a_file_that_is_made_when_needed(tmp_path: Path) -> None:
    for line in (b"1\n", b"2\n"):
        with plain_files.open_append(tmp_path / "x") as file:
            file.write(line)
    assert (tmp_path / "x").read_bytes() == b"1\n2\n"


@pytest.mark.parametrize("name", ["absent", "file/below"])
def test_what_is_not_there_is_no_plain_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    assert not plain_files.is_plain(tmp_path / name)
