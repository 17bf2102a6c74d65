"""A run's files on a disk."""

import contextlib
import errno
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.storage.local import LocalFiles


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
