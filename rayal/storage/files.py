"""Files and folders of a run, on a disk or in an object store, by the same few verbs.

Where something lies is a Path, or an Address such as s3://bucket/runs/mine; store.files_of gives
the verbs for either. There is no renaming among them: an object store has none.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


class StoreError(Exception):
    """The run's directory cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class Address:
    """Where something lies in an object store. `/`, name and parent are those of a Path."""

    url: str

    def __truediv__(self, name: str) -> Address:
        return Address(f"{self.url.rstrip('/')}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def scheme(self) -> str:
        return self.url.partition("://")[0]

    @property
    def key(self) -> str:
        """Bucket and what follows it."""
        return self.url.partition("://")[2]

    @property
    def bucket(self) -> str:
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        return self.url.rpartition("/")[2]

    @property
    def parent(self) -> Address:
        return Address(self.url.rpartition("/")[0])

    def resolve(self) -> Address:
        """Return itself: an address is the same from everywhere."""
        return self


Location: TypeAlias = Path | Address


def location(text: str | Path | Address) -> Location:
    """Read what a user gave with --out: a path, or s3://bucket/prefix, gs://bucket/prefix."""
    if isinstance(text, Address) or "://" not in str(text):
        return text if isinstance(text, Address) else Path(text)
    return Address(str(text).rstrip("/"))


class Files(ABC):
    """What can be done to files. Errors: FileNotFoundError, other OSErrors of a disk, StoreError.

    What cannot be written is always a StoreError, which stops a sweep. A folder made by `making`
    appears whole or not at all; `making` and `whole` belong together.
    """

    @abstractmethod
    def read(self, place: Location) -> bytes:
        """Return a file's content."""

    @abstractmethod
    def read_all(self, places: Sequence[Location]) -> list[bytes]:
        """Return the content of many files, in order."""

    @abstractmethod
    def write(self, place: Location, content: bytes) -> None:
        """Write a file whole or not at all."""

    @abstractmethod
    def exists(self, place: Location) -> bool:
        """Whether there is a file."""

    @abstractmethod
    def listed(self, folder: Location) -> dict[str, float]:
        """Names of the files right in a folder, hidden ones left out, and when each was written."""

    @abstractmethod
    def has_folder(self, folder: Location) -> bool:
        """Whether there is a folder with something in it."""

    @abstractmethod
    def entries(self, folder: Location) -> set[str]:
        """Names of files and folders right in a folder, hidden ones left out."""

    @abstractmethod
    def remove(self, place: Location) -> None:
        """Remove a file, where there is one."""

    @abstractmethod
    def remove_folder(self, folder: Location) -> None:
        """Remove a folder with all that it holds, where there is one."""

    @abstractmethod
    def whole(self, folder: Location) -> bool:
        """Whether a folder was made to its end."""

    @abstractmethod
    def making(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a path to make a folder at; where another process was first, its folder stays."""

    @abstractmethod
    def opened(self, folder: Location) -> Path:
        """Return a folder that is whole as one of this machine's disk."""

    @abstractmethod
    def keeping(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a folder of this machine's disk whose files are kept as they change."""

    @abstractmethod
    def publishing(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a folder of this machine's disk whose files lie in `folder` at the end."""

    @abstractmethod
    def appender(self, place: Location) -> Callable[[str], None]:
        """Return what adds text to a file's end; an empty text says that all must be there now."""

    @abstractmethod
    def holding(
        self, folder: Location, parts: Sequence[str]
    ) -> contextlib.AbstractContextManager[None]:
        """Hold a folder, with folders of these names in it, against other processes.

        Raises:
            StoreError: another process holds it, or it cannot be written to.
        """


class LocalFiles(Files):
    """A disk, or a file system that this machine has mounted."""

    def read(self, place: Location) -> bytes:
        return _path(place).read_bytes()

    def read_all(self, places: Sequence[Location]) -> list[bytes]:
        return [self.read(place) for place in places]

    def write(self, place: Location, content: bytes) -> None:
        with _writing(place):
            write_bytes(_path(place), content)

    def exists(self, place: Location) -> bool:
        return _path(place).is_file()

    def listed(self, folder: Location) -> dict[str, float]:
        found = {}
        for path in _path(folder).glob("[!.]*"):
            with contextlib.suppress(FileNotFoundError):  # ended or renamed meanwhile
                found[path.name] = path.stat().st_mtime
        return found

    def has_folder(self, folder: Location) -> bool:
        return _path(folder).exists()

    def entries(self, folder: Location) -> set[str]:
        return {path.name for path in _path(folder).glob("[!.]*")}

    def remove(self, place: Location) -> None:
        _path(place).unlink(missing_ok=True)

    def remove_folder(self, folder: Location) -> None:
        shutil.rmtree(_path(folder), ignore_errors=True)

    def whole(self, folder: Location) -> bool:
        return _path(folder).is_dir()

    @contextlib.contextmanager
    def making(self, folder: Location) -> Iterator[Path]:
        with _writing(folder), temporary_beside(_path(folder)) as temporary:
            temporary.mkdir(parents=True)
            yield temporary
            _flush(temporary)

    def opened(self, folder: Location) -> Path:
        return _path(folder)

    @contextlib.contextmanager
    def keeping(self, folder: Location) -> Iterator[Path]:
        yield _path(folder)

    @contextlib.contextmanager
    def publishing(self, folder: Location) -> Iterator[Path]:
        path = _path(folder)
        with _writing(folder):
            path.mkdir(parents=True, exist_ok=True)
            yield path

    def appender(self, place: Location) -> Callable[[str], None]:
        def append(text: str) -> None:
            with _path(place).open("ab", buffering=0) as file:
                before = file.seek(0, os.SEEK_END)
                content = text.encode()
                if file.write(content) < len(content):  # no line is left half written
                    file.truncate(before)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        return append

    @contextlib.contextmanager
    def holding(self, folder: Location, parts: Sequence[str]) -> Iterator[None]:
        root = _path(folder)
        if root.exists() and not root.is_dir():
            raise StoreError(f"{root} is a file; give a directory with --out")
        try:
            for part in parts:
                (root / part).mkdir(parents=True, exist_ok=True)
            lock = (root / ".lock").open("a+")
        except OSError as error:
            raise StoreError(f"{root} cannot be written to: {explain(error)}") from error
        with lock:
            _lock(lock.fileno(), root)
            lock.truncate(0)
            lock.write(f"{this_process()}\n")
            lock.flush()
            _remove_temporaries(root)
            yield


def _path(place: Location) -> Path:
    return Path(str(place))


def this_process() -> str:
    """Name this process to people."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def explain(error: OSError) -> str:
    """Say an operating system's error in words, with the way out where there is one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; free some and run the same command again"
    return error.strerror or str(error)


def write_bytes(path: Path, content: bytes) -> None:
    """Write whole or not at all, and on the disk before the name appears."""
    with temporary_beside(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextlib.contextmanager
def _writing(place: Location) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"{place} cannot be written: {explain(error)}") from error


def _flush(folder: Path) -> None:
    """Have a folder's files on the disk, so that a power cut leaves none of them cut short."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """Give a name to write under, renamed to path at the end and removed after an error."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        yield temporary
        _rename(temporary, path)
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except OSError as error:
        # A folder that exists is another process's finished copy of the same content.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _lock(descriptor: int, root: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = (root / ".lock").read_text(encoding="utf-8").strip()
        raise StoreError(
            f"{root} is in use by {holder or 'another process'}; wait for it or give another --out"
        ) from None


def _remove_temporaries(root: Path) -> None:
    for path in [*root.glob(".*.tmp"), *root.glob("*/.*.tmp")]:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
