"""An object store (s3://, gs://) through pyarrow: whole objects, requests that are tried again.

What needs real files lies in a cache folder of each machine (RAYAL_CACHE, or ~/.cache/rayal):
artefacts, fetched once per machine and memory-mapped there, and what encoders under way keep.

An artefact's objects are uploaded first and `whole.json` last, which names them with their sizes
and hashes; without it there is no artefact. Deleting through pyarrow leaves an empty object named
as the folder; it is no file and does no harm.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import random
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rayal.storage.files import Address, Files, Location, StoreError, temporary_beside
from rayal.storage.lease import Lease

MARKER = "whole.json"
AT_ONCE = 16  # requests side by side
PIECE = 8 << 20  # bytes of a large file in memory
WAITS = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)  # seconds before a request is made again
LOG_SECONDS = 15.0  # between uploads of a file that is appended to
KEEP_SECONDS = 60.0  # between uploads of what an encoder under way keeps

# Errors that no second request mends, by the words in which pyarrow's clients say them.
PERMANENT = {
    "NO_SUCH_BUCKET": "there is no such bucket",
    "ACCESS_DENIED": "the access is denied; see the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID "
    "and AWS_SECRET_ACCESS_KEY, or the machine's role) and the bucket's policy",
    "INVALID_ACCESS_KEY_ID": "the access key is not known there",
    "SIGNATURE_DOES_NOT_MATCH": "the secret key does not fit the access key",
    "InvalidToken": "the session's token is not valid",
    "ExpiredToken": "the session's token has expired; log in again",
    "PermanentRedirect": "the bucket is in another region; name it by AWS_DEFAULT_REGION",
    "PERMISSION_DENIED": "the access is denied; see GOOGLE_APPLICATION_CREDENTIALS and the "
    "bucket's permissions",
    "UNAUTHENTICATED": "there are no credentials; see GOOGLE_APPLICATION_CREDENTIALS",
    "Could not create a OAuth2": "there are no credentials; see GOOGLE_APPLICATION_CREDENTIALS",
}
T = TypeVar("T")


@cache
def of_bucket(scheme: str, bucket: str) -> ObjectStore:
    """Connect to a bucket, once a process.

    Raises:
        StoreError: there is no such bucket, no right to it, no answer.
    """
    from pyarrow import fs

    store = ObjectStore(_connected(scheme, bucket))
    place = Address(f"{scheme}://{bucket}")
    found = store.tried(place, lambda: store.system.get_file_info(bucket), WAITS[:4])
    if found.type == fs.FileType.NotFound:
        raise StoreError(f"{place}: there is no such bucket; make it, or give another --out")
    return store


def cache_folder(place: Location) -> Path:
    """This machine's folder for the files of a run's folder."""
    base = os.environ.get("RAYAL_CACHE") or str(Path.home() / ".cache" / "rayal")
    named = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    return Path(base) / "runs" / f"{place.name}-{named}"


def _connected(scheme: str, bucket: str) -> Any:
    """Make pyarrow's file system; it reads credentials from where the provider's tools do."""
    from pyarrow import fs

    if scheme == "gs":
        emulator = _endpoint("STORAGE_EMULATOR_HOST")
        # Requests are made again here, by the same rule for all; the client does it for a piece of
        # a large upload.
        limit = timedelta(seconds=2)
        return fs.GcsFileSystem(anonymous=bool(emulator), retry_time_limit=limit, **emulator)
    endpoint = _endpoint("AWS_ENDPOINT_URL_S3") or _endpoint("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region and not endpoint:
        with contextlib.suppress(OSError):  # then the client looks for it in the profile
            region = fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(region=region, allow_delayed_open=True, connect_timeout=5, **endpoint)


def _endpoint(variable: str) -> dict[str, str]:
    """Another server than the provider's own; pyarrow reads no such variable itself."""
    url = os.environ.get(variable, "")
    parts = urlsplit(url if "://" in url else f"http://{url}")
    return {"scheme": parts.scheme, "endpoint_override": parts.netloc} if url else {}


class ObjectStore(Files):
    """The objects of one bucket.

    Requests are made in threads of its own. An interrupt then ends the wait for one, never the
    request itself, which would leave an object cut short.
    """

    def __init__(self, system: Any) -> None:
        self.system = system
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="object-store")

    def tried(self, place: Location, request: Callable[[], T], waits: Sequence[float] = WAITS) -> T:
        """Make a request, again after longer and longer waits where it fails.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: it cannot succeed, or it failed to the last.
        """
        return self._threads.submit(_tried, place, request, waits).result()

    # Objects -----------------------------------------------------------------

    def read(self, place: Location) -> bytes:
        return self.tried(place, lambda: self._read(place))

    def read_all(self, places: Sequence[Location]) -> list[bytes]:
        def one(place: Location) -> bytes:
            return _tried(place, lambda: self._read(place), WAITS)

        return list(self._threads.map(one, places))

    def _read(self, place: Location) -> bytes:
        with self.system.open_input_stream(_key(place)) as stream:
            content: bytes = stream.read()
        return content

    def write(self, place: Location, content: bytes) -> None:
        def put() -> None:
            with self.system.open_output_stream(_key(place)) as stream:
                stream.write(content)

        self.tried(place, put)

    def exists(self, place: Location) -> bool:
        info = self.tried(place, lambda: self.system.get_file_info(_key(place)))
        return bool(info.is_file)

    def remove(self, place: Location) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.tried(place, lambda: self.system.delete_file(_key(place)))

    # Folders -----------------------------------------------------------------

    def listed(self, folder: Location) -> dict[str, float]:
        return {
            info.base_name: info.mtime.timestamp()
            for info in self._infos(folder)
            if info.is_file and not info.base_name.startswith(".")
        }

    def entries(self, folder: Location) -> set[str]:
        names = {info.base_name for info in self._infos(folder)}
        return {name for name in names if not name.startswith(".")}

    def has_folder(self, folder: Location) -> bool:
        return bool(self._infos(folder))

    def remove_folder(self, folder: Location) -> None:
        for info in self._infos(folder):
            self.remove(folder / info.base_name)
        shutil.rmtree(cache_folder(folder), ignore_errors=True)

    def _infos(self, folder: Location, *, recursive: bool = False) -> list[Any]:
        from pyarrow import fs

        selected = fs.FileSelector(_key(folder), allow_not_found=True, recursive=recursive)
        infos: list[Any] = self.tried(folder, lambda: self.system.get_file_info(selected))
        return infos

    # Folders that are whole or not there -----------------------------------------

    def whole(self, folder: Location) -> bool:
        return self.exists(folder / MARKER)

    @contextlib.contextmanager
    def making(self, folder: Location) -> Iterator[Path]:
        with _scratch(folder) as made:
            with _disk_errors(made.parent):
                yield made
            if self.whole(folder):
                return
            self._upload_all(made, folder)
            files = {p.name: _fingerprint(p) for p in sorted(made.iterdir())}
            marker = json.dumps({"files": files}).encode()
            self.write(folder / MARKER, marker)
            cached = _cached(folder, marker)
            if not cached.exists():
                with contextlib.suppress(OSError):  # another process's copy is as good
                    made.rename(cached)

    def opened(self, folder: Location) -> Path:
        """Fetch a whole folder, once per machine whatever the number of processes.

        Raises:
            StoreError: its objects are not those that its marker names.
        """
        marker = self.read(folder / MARKER)
        cached = _cached(folder, marker)
        if cached.is_dir():
            return cached
        with _disk_errors(cached), _locked(cached):
            if not cached.is_dir():
                with temporary_beside(cached) as temporary:
                    temporary.mkdir()
                    self._fetch_all(folder, temporary, json.loads(marker)["files"])
        return cached

    def _fetch_all(self, folder: Location, into: Path, files: dict[str, Any]) -> None:
        list(self._threads.map(lambda n: self._download(folder / n, into / n), files))
        for name, expected in files.items():
            if _fingerprint(into / name) != expected:
                self.remove(folder / MARKER)
                raise StoreError(
                    f"{folder / name} is not what {MARKER} beside it says: it was damaged, or "
                    "written by two machines at once; it counts as not there from now on: run the "
                    "same command again, and it is made again"
                )

    def _download(self, place: Location, path: Path) -> None:
        def get() -> None:
            with self.system.open_input_stream(_key(place)) as stream, path.open("wb") as file:
                while piece := stream.read(PIECE):
                    file.write(piece)

        _tried(place, get, WAITS)

    def _upload_all(self, here: Path, folder: Location) -> None:
        files = [path for path in here.rglob("*") if path.is_file() and path.name[0] != "."]
        names = [path.relative_to(here).as_posix() for path in files]
        list(self._threads.map(lambda n: self._upload(here / n, folder / n), names))

    def _upload(self, path: Path, place: Location) -> None:
        def put() -> None:
            with path.open("rb") as file, self.system.open_output_stream(_key(place)) as stream:
                while piece := file.read(PIECE):
                    stream.write(piece)

        _tried(place, put, WAITS)

    # Files that change, or are for people -------------------------------------------

    @contextlib.contextmanager
    def keeping(self, folder: Location) -> Iterator[Path]:
        """Fetch what was kept on any machine; upload what changes, from time to time."""
        here = cache_folder(folder)
        with _disk_errors(here):
            here.mkdir(parents=True, exist_ok=True)
        mine = _times(here)
        newer = [n for n, at in self.listed(folder).items() if at * 1e9 > mine.get(n, 0)]
        list(self._threads.map(lambda name: self._replace(folder / name, here / name), newer))
        ended = threading.Event()
        keeper = threading.Thread(
            target=self._keep, args=(here, folder, ended, _times(here)), daemon=True
        )
        keeper.start()
        try:
            yield here
        finally:
            ended.set()
            keeper.join()

    def _replace(self, place: Location, path: Path) -> None:
        with temporary_beside(path) as temporary:
            self._download(place, temporary)

    def _keep(
        self, here: Path, folder: Location, ended: threading.Event, kept: dict[str, int]
    ) -> None:
        last = False
        while not last:
            last = ended.wait(KEEP_SECONDS)
            for name, time_written in _times(here).items():
                if kept.get(name) != time_written:
                    with contextlib.suppress(StoreError, OSError):  # the next time, then
                        self._upload(here / name, folder / name)
                        kept[name] = time_written

    @contextlib.contextmanager
    def publishing(self, folder: Location) -> Iterator[Path]:
        with _scratch(folder) as made:
            with _disk_errors(made.parent):
                yield made
            self._upload_all(made, folder)

    def appender(self, place: Location) -> Callable[[str], None]:
        """No object grows: the file is kept here, and put there as a whole from time to time."""
        texts: list[str] = []
        put_at = time.monotonic()

        def append(text: str) -> None:
            nonlocal put_at
            if not texts:
                with contextlib.suppress(FileNotFoundError):
                    texts.append(self.read(place).decode())
            texts.append(text)
            if not text or time.monotonic() - put_at > LOG_SECONDS:
                self.write(place, "".join(texts).encode())
                put_at = time.monotonic()

        return append

    @contextlib.contextmanager
    def holding(self, folder: Location, parts: Sequence[str]) -> Iterator[None]:
        """Hold by a lease; folders need not be made."""
        with Lease(self, folder):
            yield


# Requests ----------------------------------------------------------------------------


def _key(place: Location) -> str:
    return place.key if isinstance(place, Address) else str(place)


def _tried(place: Location, request: Callable[[], T], waits: Sequence[float]) -> T:
    from pyarrow import ArrowException  # an upload that a new one mends may fail as no OSError

    for wait in (*waits, None):
        try:
            return request()
        except FileNotFoundError:
            raise
        except (OSError, ArrowException) as error:
            _refuse_permanent(place, error)
            if wait is None:
                raise StoreError(
                    f"{place} does not answer after {len(waits) + 1} tries: {_first_line(error)}; "
                    "run the same command again when it does"
                ) from error
            time.sleep(wait * random.uniform(0.5, 1.0))
    raise AssertionError("the last try returns or raises")


def _refuse_permanent(place: Location, error: Exception) -> None:
    for code, says in PERMANENT.items():
        if code in str(error):
            raise StoreError(f"{place}: {says} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].partition(" (Request ID")[0]


# The cache of this machine ---------------------------------------------------------------


def _cached(folder: Location, marker: bytes) -> Path:
    """Where a folder's files lie here: an artefact that was made again has another name."""
    return cache_folder(folder) / hashlib.sha256(marker).hexdigest()[:16]


def _fingerprint(path: Path) -> list[int | str]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return [path.stat().st_size, digest.hexdigest()]


def _times(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(FileNotFoundError):
            found[path.name] = path.stat().st_mtime_ns
    return found


@contextlib.contextmanager
def _scratch(folder: Location) -> Iterator[Path]:
    """Give an empty folder in the cache, so that a rename can make it part of the cache."""
    base = cache_folder(folder)
    with _disk_errors(base):
        base.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".making-", dir=base))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a+") as lock:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
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
