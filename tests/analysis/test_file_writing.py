from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from analysis.file_writing import file_writing


def write_all(paths: Sequence[Path], after: Callable[[], object] = lambda: None) -> None:
    with file_writing() as write:
        for path in paths:
            write(path, b"1")
        after()


def test_files_are_there_at_the_end_with_their_folders(tmp_path):
    with file_writing() as write:
        paths = [write(tmp_path / f"{i % 3}" / f"{i}.txt", b"%d" % i) for i in range(40)]
    assert [int(path.read_bytes()) for path in paths] == list(range(40))


def test_a_file_that_cannot_be_written_is_an_error_and_the_others_are_written(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        write_all([tmp_path / "taken", tmp_path / "other"])
    assert (tmp_path / "other").read_bytes() == b"1"


def test_what_was_begun_is_written_where_the_work_fails(tmp_path):
    with pytest.raises(ZeroDivisionError):
        write_all([tmp_path / "one"], after=lambda: 1 / 0)
    assert (tmp_path / "one").read_bytes() == b"1"
