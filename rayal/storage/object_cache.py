"""A run in an object store: what needs real files lies in a cache folder of each machine.

The cache (RAYAL_CACHE, or ~/.cache/rayal) holds finished folders, fetched once per machine and
memory-mapped there, and what encoders in training keep. A folder's objects are uploaded first and
its manifest last, which names them with their sizes and hashes; without it the folder counts as
absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from rayal.storage import atomic, manifest, object_store
from rayal.storage.file_names import shortened
from rayal.storage.files import DamagedError, Files, StoreError
from rayal.storage.lease import Lease, holders_have_ended
from rayal.storage.location import Location
from rayal.storage.machine_cache import cache_folder
from rayal.storage.object_store import ObjectStore
from rayal.storage.synced_dir import SyncedDir

LOG_SECONDS = 15.0  # between uploads of a file that is appended to


@cache
def of_bucket(scheme: str, bucket: str) -> CachedObjectStore:
    """Connect to a bucket, once a process.

    Raises:
        StoreError: there is no such bucket, no right to it, no answer.
    """
    return CachedObjectStore(object_store.connect(scheme, bucket))


def cache_dir(folder: Location) -> Path:
    """This machine's folder for the files of a run's folder."""
    digest = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return cache_folder() / "runs" / f"{shortened(folder.name)}-{digest}"


class CachedObjectStore(Files):
    """The objects of one bucket, and their copies on this machine."""

    def __init__(self, objects: ObjectStore) -> None:
        self.objects = objects

    def read(self, location: Location) -> bytes:
        return self.objects.read(location)

    def read_all(self, locations: Sequence[Location]) -> list[bytes]:
        return self.objects.read_all(locations)

    def write(self, location: Location, content: bytes) -> None:
        self.objects.write(location, content)

    def exists(self, location: Location) -> bool:
        return self.objects.exists(location)

    def remove(self, location: Location) -> None:
        self.objects.remove(location)

    def set_aside(self, location: Location) -> Location:
        free = location.parent / f"{location.name}.set-aside"
        self.write(free, self.read(location))
        self.remove(location)
        return free

    def list_files(self, folder: Location) -> dict[str, float]:
        return {
            info.base_name: info.mtime.timestamp()
            for info in self.objects.list_objects(folder)
            if info.is_file and not info.base_name.startswith(".")
        }

    def list_dir(self, folder: Location) -> set[str]:
        return {name for name in self.objects.names_in(folder) if not name.startswith(".")}

    def has_dir(self, folder: Location) -> bool:
        return bool(self.objects.list_objects(folder))

    def remove_dir(self, folder: Location) -> None:
        for info in self.objects.list_objects(folder):
            self.remove(folder / info.base_name)
        shutil.rmtree(cache_dir(folder), ignore_errors=True)

    # Folders that are complete or absent -----------------------------------------

    @contextlib.contextmanager
    def create_dir_atomic(self, folder: Location) -> Iterator[Path]:
        with _scratch_dir(folder) as scratch:
            with _disk_errors(scratch.parent):
                yield scratch
            if self.is_complete(folder):
                return
            self.objects.upload_all(scratch, folder)
            content = manifest.of_folder(scratch)
            self.write(folder / manifest.NAME, content)
            cached = _copy_of(folder, content)
            if not cached.exists():
                with contextlib.suppress(OSError):  # another process's copy is as good
                    scratch.rename(cached)

    def is_complete(self, folder: Location) -> bool:
        return self.exists(folder / manifest.NAME)

    def local_copy(self, folder: Location) -> Path:
        """Fetch a complete folder, once per machine whatever the number of processes.

        Raises:
            DamagedError: its objects are not those that its manifest names; it counts as absent
                from now on.
        """
        content = self.read(folder / manifest.NAME)
        cached = _copy_of(folder, content)
        with _disk_errors(cached), _lock_beside(cached):
            files = self._files_in(folder, content)
            if cached.is_dir() and manifest.damage(cached, files):
                shutil.rmtree(cached)
            if not cached.is_dir():
                with atomic.temporary_beside(cached) as temporary:
                    temporary.mkdir()
                    self._fetch(folder, temporary, files)
        return cached

    def _fetch(
        self, folder: Location, into: Path, files: Mapping[str, manifest.Fingerprint]
    ) -> None:
        try:
            self.objects.in_parallel(lambda n: self.objects.download(folder / n, into / n), files)
        except FileNotFoundError as error:
            raise self._refused(folder, f"an object of it is missing ({error})") from error
        if damage := manifest.damage(into, files):
            raise self._refused(folder, damage)

    def _files_in(self, folder: Location, content: bytes) -> Mapping[str, manifest.Fingerprint]:
        try:
            return manifest.files_in(content)
        except ValueError as error:
            raise self._refused(folder, str(error)) from error

    def _refused(self, folder: Location, damage: str) -> DamagedError:
        with contextlib.suppress(StoreError):  # who may only read does not remove
            self.remove(folder / manifest.NAME)
        return DamagedError(
            f"{folder}: {damage}: it was damaged, or written by two machines at once; it counts as "
            "not there from now on: run the same command again, and it is made again",
            damage,
        )

    # Files that change, or are for people -------------------------------------------

    @contextlib.contextmanager
    def synced_dir(self, folder: Location) -> Iterator[Path]:
        """Fetch what was kept on any machine; upload what changes, from time to time."""
        local = cache_dir(folder)
        with _disk_errors(local):
            local.mkdir(parents=True, exist_ok=True)
        with SyncedDir(self.objects, folder, local).running():
            yield local

    @contextlib.contextmanager
    def upload_dir(self, folder: Location) -> Iterator[Path]:
        with _scratch_dir(folder) as scratch:
            with _disk_errors(scratch.parent):
                yield scratch
            self.objects.upload_all(scratch, folder)

    def open_append(self, location: Location) -> Callable[[str], None]:
        """No object grows: the file is kept here, and put there as a whole from time to time."""
        texts: list[str] = []
        put_at = time.monotonic()

        def append(text: str) -> None:
            nonlocal put_at
            if not texts:
                with contextlib.suppress(FileNotFoundError):
                    texts.append(self.read(location).decode())
            texts.append(text)
            if not text or time.monotonic() - put_at > LOG_SECONDS:
                self.write(location, "".join(texts).encode())
                put_at = time.monotonic()

        return append

    def remove_leftovers(self, folder: Location) -> None:
        """Objects are put as a whole: nothing is left of one."""

    @contextlib.contextmanager
    def lock(self, folder: Location, subfolders: Sequence[str]) -> Iterator[None]:
        """Hold by a lease; folders need not be made."""
        with Lease(self, folder):
            yield

    def holder_has_ended(self, folder: Location) -> bool:
        return holders_have_ended(self, folder)


def _copy_of(folder: Location, content: bytes) -> Path:
    """Where a folder's files lie here: one that was made again has another manifest."""
    return cache_dir(folder) / hashlib.sha256(content).hexdigest()[:16]


@contextlib.contextmanager
def _scratch_dir(folder: Location) -> Iterator[Path]:
    """Give an empty folder in the cache, so that a rename can make it part of the cache."""
    base = cache_dir(folder)
    with _disk_errors(base):
        base.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".making-", dir=base))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextlib.contextmanager
def _lock_beside(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.lock(path.with_name(f".{path.name}.lock")):
        yield


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"the cache {path} cannot be written to: {error.strerror or error}; free some space, "
            "or name another folder by RAYAL_CACHE"
        ) from error
