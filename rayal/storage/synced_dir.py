"""A folder of this machine whose files are kept in an object store: what trainings go on from.

Which of two copies is the later one is told by content, never by clocks: beside the files lies what
each object was when this machine last sent or fetched it. An object that is still the same has not
been changed by another machine, so the file here is at least as new; any other is fetched.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from rayal.storage import atomic, manifest
from rayal.storage.files import StoreError
from rayal.storage.location import Location
from rayal.storage.object_store import ObjectStore

SYNC_SECONDS = 60.0  # between uploads
_STATE = ".synced.json"


class SyncedDir:
    """The files of a folder `here`, and the objects of the same names in `folder`."""

    def __init__(self, objects: ObjectStore, folder: Location, local: Path) -> None:
        self._objects, self._folder, self._here = objects, folder, local
        self._versions, self._contents = _read_state(local / _STATE)
        self._ended = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[Path]:
        """Give the folder; upload what changes, from time to time and at the end."""
        self._fetch()
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield self._here
        finally:
            self._ended.set()
            thread.join()

    def _fetch(self) -> None:
        """Replace the files that another machine has changed since this one looked."""
        infos = self._objects.list_objects(self._folder)
        names = [info.base_name for info in infos if info.is_file]
        versions = dict(zip(names, self._objects.in_parallel(self._version, names), strict=True))
        changed = [
            name
            for name, version in versions.items()
            if version != self._versions.get(name) or not (self._here / name).is_file()
        ]
        self._objects.in_parallel(self._download, changed)
        for name in changed:
            self._remember(name, versions[name])

    def _run(self) -> None:
        seen: dict[str, tuple[int, ...]] = {}
        last = False
        while not last:
            last = self._ended.wait(SYNC_SECONDS)
            for name, state in _states(self._here).items():
                if seen.get(name) != state:
                    with contextlib.suppress(StoreError, OSError):  # the next time, then
                        self._upload(name)
                        seen[name] = state

    def _upload(self, name: str) -> None:
        content = manifest.fingerprint(self._here / name)
        if content != self._contents.get(name):
            self._objects.upload(self._here / name, self._folder / name)
            self._remember(name, self._version(name), content)

    def _download(self, name: str) -> None:
        with atomic.temporary_beside(self._here / name) as temporary:
            self._objects.download(self._folder / name, temporary)

    def _version(self, name: str) -> str:
        return self._objects.version(self._folder / name)

    def _remember(
        self, name: str, version: str, content: manifest.Fingerprint | None = None
    ) -> None:
        self._versions[name] = version
        self._contents[name] = content or manifest.fingerprint(self._here / name)
        state = {"versions": self._versions, "contents": self._contents}
        atomic.write_bytes(self._here / _STATE, json.dumps(state).encode())


def _read_state(path: Path) -> tuple[dict[str, str], dict[str, manifest.Fingerprint]]:
    """Read what was last sent or fetched; nothing is known where that is lost."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        state = json.loads(path.read_bytes())
        return dict(state["versions"]), dict(state["contents"])
    return {}, {}


def _states(folder: Path) -> dict[str, tuple[int, ...]]:
    """What changes when a file is replaced, by name."""
    states: dict[str, tuple[int, ...]] = {}
    for path in folder.glob("[!.]*"):
        with contextlib.suppress(FileNotFoundError):
            facts = path.stat()
            states[path.name] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return states
