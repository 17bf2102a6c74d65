"""Requests to a bucket (s3://, gs://) through pyarrow: objects as a whole, tried again on failure.

pyarrow reads no AWS_ENDPOINT_URL and lists a bucket that is not there as empty, so both are done
here. Deleting through pyarrow leaves an empty object named as the folder; it is no file and does no
harm.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from rayal.storage.files import StoreError
from rayal.storage.location import Address, Location

MAX_CONCURRENCY = 16  # requests at the same time
CHUNK_BYTES = 8 << 20  # of a large file in memory
BACKOFF_SECONDS = (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6)  # before a request is made again

# Errors that no second request repairs, by the words in which pyarrow's clients report them.
NON_RETRYABLE = {
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
S = TypeVar("S")


def connect(scheme: str, bucket: str) -> ObjectStore:
    """Connect to a bucket.

    Raises:
        StoreError: there is no such bucket, no right to it, no answer.
    """
    from pyarrow import fs

    store = ObjectStore(_filesystem(scheme, bucket))
    address = Address(f"{scheme}://{bucket}")
    info = store.request(address, lambda: store.system.get_file_info(bucket), BACKOFF_SECONDS[:4])
    if info.type == fs.FileType.NotFound:
        raise StoreError(f"{address}: there is no such bucket; make it, or give another --out")
    return store


class ObjectStore:
    """The objects of one bucket.

    Requests are made in threads of its own. An interrupt then ends the wait for one, never the
    request itself, which would leave an object cut short.
    """

    def __init__(self, system: Any) -> None:
        self.system = system
        self._threads = ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="object-store")

    def request(
        self, location: Location, call: Callable[[], T], backoff: Sequence[float] | None = None
    ) -> T:
        """Make a request, again after longer and longer waits where it fails.

        Raises:
            FileNotFoundError: there is no such object.
            StoreError: it cannot succeed, or it failed to the last.
        """
        return self._threads.submit(with_retries, location, call, backoff).result()

    def in_parallel(self, task: Callable[[S], T], items: Iterable[S]) -> list[T]:
        """Do a task, which makes requests by `with_retries`, for many items; results in order."""
        return list(self._threads.map(task, items))

    def read(self, location: Location) -> bytes:
        return self.request(location, lambda: self._read(location))

    def read_all(self, locations: Sequence[Location]) -> list[bytes]:
        def one(location: Location) -> bytes:
            return with_retries(location, lambda: self._read(location))

        return self.in_parallel(one, locations)

    def _read(self, location: Location) -> bytes:
        with self.system.open_input_stream(_key(location)) as stream:
            content: bytes = stream.read()
        return content

    def write(self, location: Location, content: bytes) -> None:
        def put() -> None:
            with self.system.open_output_stream(_key(location)) as stream:
                stream.write(content)

        self.request(location, put)

    def exists(self, location: Location) -> bool:
        info = self.request(location, lambda: self.system.get_file_info(_key(location)))
        return bool(info.is_file)

    def remove(self, location: Location) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.request(location, lambda: self.system.delete_file(_key(location)))

    def list_objects(self, folder: Location, *, recursive: bool = False) -> list[Any]:
        """Return pyarrow's FileInfo of what is right in a folder, or at any depth."""
        from pyarrow import fs

        selected = fs.FileSelector(_key(folder), allow_not_found=True, recursive=recursive)
        infos: list[Any] = self.request(folder, lambda: self.system.get_file_info(selected))
        return infos

    def names_in(self, folder: Location) -> set[str]:
        """Return the names of objects and folders right in a folder.

        Google's listing of one level has objects alone, so that folders are found by what is below.
        """
        below = self.system.type_name == "gcs"
        start = len(_key(folder)) + 1
        infos = self.list_objects(folder, recursive=below)
        return {info.path[start:].partition("/")[0] for info in infos}

    def version(self, location: Location) -> str:
        """Return what changes when an object is put again; for use in `in_parallel`."""

        def get() -> str:
            with self.system.open_input_stream(_key(location)) as stream:
                facts = {name.lower(): value.decode() for name, value in stream.metadata().items()}
            return f"{facts.get('etag')} {facts.get('generation', '')}".strip()

        return with_retries(location, get)

    def download(self, location: Location, path: Path) -> None:
        """Copy an object to a file; for use in `in_parallel`."""

        def get() -> None:
            with self.system.open_input_stream(_key(location)) as stream, path.open("wb") as file:
                while chunk := stream.read(CHUNK_BYTES):
                    file.write(chunk)

        with_retries(location, get)

    def upload(self, path: Path, location: Location) -> None:
        """Copy a file to an object; for use in `in_parallel`."""

        def put() -> None:
            with path.open("rb") as file, self.system.open_output_stream(_key(location)) as stream:
                while chunk := file.read(CHUNK_BYTES):
                    stream.write(chunk)

        with_retries(location, put)

    def upload_all(self, local: Path, folder: Location) -> None:
        """Copy a folder's files, those of folders in it too, hidden ones left out."""
        files = [path for path in local.rglob("*") if path.is_file() and path.name[0] != "."]
        names = [path.relative_to(local).as_posix() for path in files]
        self.in_parallel(lambda name: self.upload(local / name, folder / name), names)


def with_retries(
    location: Location, call: Callable[[], T], backoff: Sequence[float] | None = None
) -> T:
    """Make a request in this thread; see `ObjectStore.request`."""
    from pyarrow import ArrowException  # an upload that a new one repairs may fail as no OSError

    waits = BACKOFF_SECONDS if backoff is None else backoff
    for wait in (*waits, None):
        try:
            return call()
        except FileNotFoundError:
            raise
        except (OSError, ArrowException) as error:
            _refuse_permanent(location, error)
            if wait is None:
                raise StoreError(
                    f"{location} does not answer after {len(waits) + 1} tries: "
                    f"{_first_line(error)}; run the same command again when it does"
                ) from error
            time.sleep(wait * random.uniform(0.5, 1.0))
    raise AssertionError("the last try returns or raises")


def _key(location: Location) -> str:
    return location.key if isinstance(location, Address) else str(location)


def _refuse_permanent(location: Location, error: Exception) -> None:
    for code, meaning in NON_RETRYABLE.items():
        if code in str(error):
            raise StoreError(f"{location}: {meaning} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].partition(" (Request ID")[0]


def _filesystem(scheme: str, bucket: str) -> Any:
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
