"""A disk, or a file system that this machine has mounted."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rayal.storage import atomic
from rayal.storage.files import Files, StoreError, explain
from rayal.storage.location import Location


class LocalFiles(Files):
    """Files by their paths."""

    def read(self, location: Location) -> bytes:
        return _path(location).read_bytes()

    def read_all(self, locations: Sequence[Location]) -> list[bytes]:
        return [self.read(location) for location in locations]

    def write(self, location: Location, content: bytes) -> None:
        with _write_errors(location):
            atomic.write_bytes(_path(location), content)

    def exists(self, location: Location) -> bool:
        return _path(location).is_file()

    def remove(self, location: Location) -> None:
        _path(location).unlink(missing_ok=True)

    def list_files(self, folder: Location) -> dict[str, float]:
        times = {}
        for path in _path(folder).glob("[!.]*"):
            with contextlib.suppress(FileNotFoundError):  # ended or renamed meanwhile
                times[path.name] = path.stat().st_mtime
        return times

    def list_dir(self, folder: Location) -> set[str]:
        return {path.name for path in _path(folder).glob("[!.]*")}

    def has_dir(self, folder: Location) -> bool:
        return _path(folder).exists()

    def remove_dir(self, folder: Location) -> None:
        shutil.rmtree(_path(folder), ignore_errors=True)

    @contextlib.contextmanager
    def create_dir_atomic(self, folder: Location) -> Iterator[Path]:
        with _write_errors(folder), atomic.temporary_beside(_path(folder)) as temporary:
            temporary.mkdir(parents=True)
            yield temporary

    def is_complete(self, folder: Location) -> bool:
        return _path(folder).is_dir()

    def local_copy(self, folder: Location) -> Path:
        return _path(folder)

    @contextlib.contextmanager
    def synced_dir(self, folder: Location) -> Iterator[Path]:
        yield _path(folder)

    @contextlib.contextmanager
    def upload_dir(self, folder: Location) -> Iterator[Path]:
        path = _path(folder)
        with _write_errors(folder):
            path.mkdir(parents=True, exist_ok=True)
            yield path

    def open_append(self, location: Location) -> Callable[[str], None]:
        def append(text: str) -> None:
            with _path(location).open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                content = text.encode()
                if file.write(content) < len(content):  # no line is left half written
                    file.truncate(before)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return append

    @contextlib.contextmanager
    def lock(self, folder: Location, subfolders: Sequence[str]) -> Iterator[None]:
        root = _path(folder)
        if root.exists() and not root.is_dir():
            raise StoreError(f"{root} is a file; give a directory with --out")
        with contextlib.ExitStack() as held:
            try:
                for name in subfolders:
                    (root / name).mkdir(parents=True, exist_ok=True)
                held.enter_context(atomic.lock(root / ".lock", wait=False))
            except atomic.LockedError as error:
                raise StoreError(
                    f"{root} is in use by {str(error) or 'another process'}; wait for it or give "
                    "another --out"
                ) from None
            except OSError as error:
                raise StoreError(f"{root} cannot be written to: {explain(error)}") from error
            for part in (root, *(path for path in root.iterdir() if path.is_dir())):
                atomic.remove_leftovers(part)
            yield


def _path(location: Location) -> Path:
    return Path(str(location))


@contextlib.contextmanager
def _write_errors(location: Location) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{location} cannot be written: {explain(error)}") from error
