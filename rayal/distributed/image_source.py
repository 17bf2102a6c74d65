"""Where image files lie that are embedded: in a folder, or in an object store.

An object is copied to this machine's disk for as long as it is read, several at a time, so that the
waits for an object store overlap and no more than a few files lie here.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address, Location, parse_location
from rayal.storage.object_cache import CachedObjectStore
from rayal.storage.object_store import MAX_CONCURRENCY, ObjectStore
from rayal.storage.scratch import scratch_folder


def list_objects(place: Address) -> dict[str, str]:
    """Return size and time of change of all objects at any depth, by their names below a prefix.

    Raises:
        StoreError: the store gives no answer, or nothing lies there.
    """
    infos = _objects(place).list_objects(place, recursive=True)
    start = len(place.key) + 1
    objects = {i.path[start:]: f"{i.size} {i.mtime_ns}" for i in infos if i.is_file}
    if not objects:
        raise StoreError(f"nothing lies at {place}; name a prefix that objects have")
    return objects


def read_each(
    source: str, names: tuple[str, ...], read: Callable[[int, Path], str], threads: int
) -> list[str]:
    """Return what read(number, path) gives of each file, in order.

    Args:
        source: the folder or address that names are relative to.
        names: of the files.
        read: given a file's number and its path on this machine's disk, where it stays for the
            call; what it raises as OSError for a file that is not there is raised for an object.
        threads: that read at once; more where objects are waited for.

    Raises:
        StoreError: the object store gives no answer.
    """
    place = parse_location(source)
    with contextlib.ExitStack() as held:
        opened = held.enter_context(_opener(place))
        count = max(threads, MAX_CONCURRENCY) if isinstance(place, Address) else threads
        pool = held.enter_context(ThreadPoolExecutor(count))

        def one(number: int) -> str:
            with opened(number, names[number]) as path:
                return read(number, path)

        return list(pool.map(one, range(len(names))))


Opener = Callable[[int, str], contextlib.AbstractContextManager[Path]]


@contextlib.contextmanager
def _opener(place: Location) -> Iterator[Opener]:
    if isinstance(place, Path):
        yield lambda number, name: contextlib.nullcontext(place / name)
        return
    objects = _objects(place)
    with scratch_folder() as folder:

        @contextlib.contextmanager
        def copied(number: int, name: str) -> Iterator[Path]:
            path = folder / f"{number}{Path(name).suffix}"
            with contextlib.suppress(FileNotFoundError):  # reading the copy says so
                objects.download(place / name, path)
            yield path
            path.unlink(missing_ok=True)

        yield copied


def _objects(place: Address) -> ObjectStore:
    files = files_of(place)
    assert isinstance(files, CachedObjectStore)
    return files.objects
