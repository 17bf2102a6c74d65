"""Files and folders of a run, on a disk or in an object store, by the same few verbs.

Where something lies is a Path, or an Address such as s3://bucket/runs/mine; `files_of` gives the
verbs for either. There is no renaming among them: an object store has none.
"""

from __future__ import annotations

import contextlib
import errno
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

from rayal.credentials import names_credentials
from rayal.storage.location import Address, Location

SCHEMES = ("s3", "gs")  # of object stores


class StoreError(Exception):
    """The run's directory cannot be used; the message says why and what to do."""


class DamagedError(StoreError):
    """A file is not what was written; the message names it and the way out.

    fault: what is wrong alone, for who knows another way out.
    """

    def __init__(self, message: str, fault: str = "") -> None:
        super().__init__(message)
        self.fault = fault


class Files(ABC):
    """What can be done to files.

    A folder made by `create_dir_atomic` appears complete or not at all; `is_complete` and
    `local_copy` belong to it.

    Raises, all of them:
        FileNotFoundError: there is no such file.
        DamagedError: what lies there is no plain file, or not what was written.
        StoreError: anything else, such as a right that is missing; what cannot be written stops a
            sweep.
    """

    @abstractmethod
    def read(self, location: Location) -> bytes:
        """Return a file's content."""

    @abstractmethod
    def read_all(self, locations: Sequence[Location]) -> list[bytes]:
        """Return the content of many files, in order."""

    @abstractmethod
    def write(self, location: Location, content: bytes) -> None:
        """Write a file completely or not at all."""

    @abstractmethod
    def exists(self, location: Location) -> bool:
        """Whether there is a file."""

    @abstractmethod
    def remove(self, location: Location) -> None:
        """Remove a file, where there is one."""

    @abstractmethod
    def set_aside(self, location: Location) -> Location:
        """Give what lies there another name, so that it can be made again; return the name."""

    @abstractmethod
    def list_files(self, folder: Location) -> dict[str, float]:
        """Names of the files right in a folder, hidden ones left out, and when each was written."""

    @abstractmethod
    def list_dir(self, folder: Location) -> set[str]:
        """Names of files and folders right in a folder, hidden ones left out."""

    @abstractmethod
    def has_dir(self, folder: Location) -> bool:
        """Whether there is a folder with something in it."""

    @abstractmethod
    def remove_dir(self, folder: Location) -> None:
        """Remove a folder with all that it holds, where there is one."""

    @abstractmethod
    def create_dir_atomic(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a path to make a folder at; where another process was first, its folder stays."""

    @abstractmethod
    def is_complete(self, folder: Location) -> bool:
        """Whether a folder was made to its end."""

    @abstractmethod
    def local_copy(self, folder: Location) -> Path:
        """Return a complete folder as one of this machine's disk, its files as they were written.

        Raises:
            DamagedError: a file of it is not what was written.
        """

    @abstractmethod
    def synced_dir(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a folder of this machine's disk whose files are kept in `folder` as they change."""

    @abstractmethod
    def upload_dir(self, folder: Location) -> contextlib.AbstractContextManager[Path]:
        """Give a folder of this machine's disk whose files lie in `folder` at the end."""

    @abstractmethod
    def open_append(self, location: Location) -> Callable[[str], None]:
        """Return what adds text to a file's end; an empty text says that all must be there now."""

    @abstractmethod
    def remove_leftovers(self, folder: Location) -> None:
        """Remove what killed processes left half written in a folder that is locked."""

    @abstractmethod
    def lock(
        self, folder: Location, subfolders: Sequence[str]
    ) -> contextlib.AbstractContextManager[None]:
        """Hold a folder, with folders of these names in it, against other processes.

        Raises:
            StoreError: another process holds it, or it cannot be written to.
        """

    @abstractmethod
    def holder_has_ended(self, folder: Location) -> bool:
        """Whether the process that last held a folder is known to have ended.

        False where that cannot be told, as of a process of another machine. Nothing is locked.
        """


def files_of(location: Location) -> Files:
    """Return the verbs for what lies there.

    Raises:
        StoreError: an address of a kind that is not known, or with a password in it; no such
            bucket, no right to it, no answer.
    """
    if isinstance(location, Path):
        from rayal.storage.local import LocalFiles

        return LocalFiles()
    _check_address(location)
    from rayal.storage import object_cache

    return object_cache.of_bucket(location.scheme, location.bucket)


def explain(error: OSError) -> str:
    """Say an operating system's error in words, with the way out where there is one."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "no space left on the disk; free some and run the same command again"
    return error.strerror or str(error)


def _check_address(address: Address) -> None:
    if "@" in address.bucket or "?" in address.url or names_credentials(address.url):
        raise StoreError(
            "an address takes no passwords and no options, as it is written into the results: give "
            "s3://BUCKET/PREFIX, and the rest by the usual environment variables (AWS_PROFILE, "
            "AWS_ENDPOINT_URL)"
        )
    if address.scheme not in SCHEMES or not address.bucket:
        raise StoreError(
            f"{address} is no place for results: give a directory, s3://BUCKET/PREFIX or "
            "gs://BUCKET/PREFIX"
        )
