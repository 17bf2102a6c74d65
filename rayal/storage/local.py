"""A disk, or a file system that this machine has mounted."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rayal.storage import atomic, manifest, plain_files
from rayal.storage.files import DamagedError, Files, StoreError, explain
from rayal.storage.location import Location


class LocalFiles(Files):
    """Files by their paths."""

    def read(self, location: Location) -> bytes:
        with _read_errors(location):
            return plain_files.read(_path(location))

    def read_all(self, locations: Sequence[Location]) -> list[bytes]:
        return [self.read(location) for location in locations]

    def write(self, location: Location, content: bytes) -> None:
        with _write_errors(location):
            self._clear(_path(location))
            atomic.write_bytes(_path(location), content)

    def exists(self, location: Location) -> bool:
        with _read_errors(location):
            return plain_files.is_plain(_path(location))

    def remove(self, location: Location) -> None:
        with _write_errors(location):
            self._clear(_path(location))
            _path(location).unlink(missing_ok=True)

    def _clear(self, path: Path) -> None:
        """Move what is no file out of the way of one."""
        if path.exists() and not path.is_file():
            self.set_aside(path)

    def set_aside(self, location: Location) -> Path:
        path = _path(location)
        names = (path.with_name(f"{path.name}.set-aside{n or ''}") for n in itertools.count())
        free = next(name for name in names if not os.path.lexists(name))
        with _write_errors(location):
            path.rename(free)
        return free

    def list_files(self, folder: Location) -> dict[str, float]:
        times = {}
        for entry in self._entries(folder):
            with contextlib.suppress(FileNotFoundError):  # ended or renamed meanwhile
                if _is_file(entry):
                    times[entry.name] = entry.stat().st_mtime
        return times

    def list_dir(self, folder: Location) -> set[str]:
        return {entry.name for entry in self._entries(folder)}

    def _entries(self, folder: Location) -> list[os.DirEntry[str]]:
        with _read_errors(folder):
            try:
                with os.scandir(_path(folder)) as entries:
                    return [entry for entry in entries if not entry.name.startswith(".")]
            except (FileNotFoundError, NotADirectoryError):
                return []

    def has_dir(self, folder: Location) -> bool:
        return _path(folder).exists()

    def remove_dir(self, folder: Location) -> None:
        shutil.rmtree(_path(folder), ignore_errors=True)

    @contextlib.contextmanager
    def create_dir_atomic(self, folder: Location) -> Iterator[Path]:
        with _write_errors(folder), atomic.temporary_beside(_path(folder)) as temporary:
            temporary.mkdir(parents=True)
            yield temporary
            (temporary / manifest.NAME).write_bytes(manifest.of_folder(temporary))

    def is_complete(self, folder: Location) -> bool:
        return _path(folder).is_dir()

    def local_copy(self, folder: Location) -> Path:
        """Return the folder; earlier versions wrote no manifest to hold it against."""
        path = _path(folder)
        with _read_errors(folder):
            try:
                files = manifest.files_in(plain_files.read(path / manifest.NAME))
                damage = manifest.damage(path, files)
            except FileNotFoundError:
                damage = ""
            except ValueError as error:
                damage = str(error)
        if damage:
            raise DamagedError(
                f"{path} is damaged ({damage}); remove it and run the same command again, and it "
                "is made again",
                damage,
            )
        return path

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
        path = _path(location)
        if os.path.lexists(path):
            with _write_errors(location):
                plain_files.open_append(path).close()

        def append(text: str) -> None:
            with plain_files.open_append(path) as file:
                before = file.seek(0, os.SEEK_END)
                content = text.encode()
                if file.write(content) < len(content):  # no line is left half written
                    file.truncate(before)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return append

    def remove_leftovers(self, folder: Location) -> None:
        root = _path(folder)
        for part in (root, *(path for path in root.iterdir() if path.is_dir())):
            atomic.remove_leftovers(part)

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
            except FileExistsError as error:
                raise StoreError(f"{error.filename} is a file, not a folder; remove it") from None
            except OSError as error:
                raise StoreError(f"{root} cannot be written to: {explain(error)}") from error
            yield

    def holder_has_ended(self, folder: Location) -> bool:
        try:
            content = self.read(folder / ".lock")
        except (FileNotFoundError, StoreError):
            return False
        return atomic.holder_has_ended(content.decode(errors="replace"))


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        return False  # a link to itself


def _path(location: Location) -> Path:
    return Path(str(location))


@contextlib.contextmanager
def _read_errors(location: Location) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except plain_files.NotPlainError as error:
        raise DamagedError(
            f"{location} is no file of a run: {error.strerror}; remove it and run the same command "
            "again"
        ) from error
    except PermissionError as error:
        raise StoreError(
            f"{location} cannot be read: {explain(error)}; it is another user's, or its mode "
            "forbids it"
        ) from error
    except OSError as error:
        raise StoreError(f"{location} cannot be read: {explain(error)}") from error


@contextlib.contextmanager
def _write_errors(location: Location) -> Iterator[None]:
    try:
        yield
    except plain_files.NotPlainError as error:
        raise StoreError(
            f"{location} is not written to: {error.strerror}; remove it and run the same command "
            "again"
        ) from error
    except OSError as error:
        place = _within(location, error)
        raise StoreError(f"{place} cannot be written: {explain(error)}") from error


def _within(location: Location, error: OSError) -> object:
    """Return what an error is about where it lies below a location, else the location."""
    name = error.filename2 or error.filename
    return name if str(name).startswith(f"{location}{os.sep}") else location
