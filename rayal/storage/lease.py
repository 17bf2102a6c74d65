"""Who may write to a run in an object store: an object that its holder renews.

Each driver puts an object of its own under .lock/ and then lists the folder. Stores list what was
put before, so of two drivers at least one sees the other, and two never both go on; who sees
another withdraws. Times are those of the store, not of the machines: a clock that jumps does no
harm. A holder whose object is no longer renewed is dead, and its object is removed.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import threading
import time
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Literal

from rayal.storage.files import Files, StoreError
from rayal.storage.location import Location
from rayal.storage.process_identity import has_ended, identity, this_process

RENEW_SECONDS = 5.0
STALE_SECONDS = 60.0  # without renewal, and the holder counts as dead
TRIES = 4  # where two start at the same moment and both withdraw


def holders_have_ended(files: Files, root: Location) -> bool:
    """Whether leases are left, and all who held them are known to have ended."""
    folder = root / ".lock"
    holders = [_holder_of(files, folder / name) for name in files.list_files(folder)]
    return bool(holders) and all(has_ended(holder) for holder in holders)


class Lease:
    """Held from `with` to its end. When it was taken away meanwhile, the run is interrupted."""

    def __init__(self, files: Files, root: Location) -> None:
        self._files, self._root = files, root
        self._folder = root / ".lock"
        self._name = f"{uuid.uuid4().hex}.json"
        self._ended = threading.Event()
        self._lost = ""
        self._renewer = threading.Thread(target=self._renew, daemon=True)

    def __enter__(self) -> None:
        for _ in range(TRIES):
            self._put()
            others = self._others()
            if not others:
                self._renewer.start()
                return
            self._files.remove(self._folder / self._name)
            for other in others:
                self._remove_dead(other)
            time.sleep(random.uniform(0, 1))
        raise StoreError(f"{self._root} was asked for by others at the same moment; try again")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._renewer.join()
        if self._lost:
            raise StoreError(self._lost) from error
        with contextlib.suppress(StoreError):  # it goes stale by itself
            self._files.remove(self._folder / self._name)

    def _put(self) -> None:
        about = {"holder": this_process(), **identity()}
        self._files.write(self._folder / self._name, json.dumps(about).encode())

    def _others(self) -> dict[str, float]:
        """Names of the leases of others, and when each was last renewed."""
        leases = self._files.list_files(self._folder)
        return {name: renewed for name, renewed in leases.items() if name != self._name}

    def _remove_dead(self, name: str) -> None:
        """Remove another's lease where its holder is dead.

        What was given back is left alone: its holder may put it again at this very moment.
        """
        holder = self._holder(name)
        state = self._state(name, holder)
        if state == "alive":
            raise StoreError(
                f"{self._root} is in use by {holder.get('holder')}; wait for it or give another "
                "--out"
            )
        if state == "dead":
            self._files.remove(self._folder / name)

    def _holder(self, name: str) -> dict[str, Any]:
        return _holder_of(self._files, self._folder / name)

    def _state(
        self, name: str, holder: Mapping[str, Any]
    ) -> Literal["alive", "dead", "given back"]:
        """Watch another's lease until it is renewed, given back or stale."""
        if (ended := has_ended(holder)) is not None:
            return "dead" if ended else "alive"
        first = self._others().get(name)
        until = time.monotonic() + STALE_SECONDS
        while time.monotonic() < until:
            time.sleep(min(1.0, RENEW_SECONDS))
            now = self._others().get(name)
            if now is None:
                return "given back"
            if now != first:
                return "alive"
        return "dead"

    def _renew(self) -> None:
        met: dict[str, float] = {}
        while not self._ended.wait(RENEW_SECONDS):
            try:
                if self._is_taken(met):
                    self._lose("was taken over by another process, which took this one for dead")
                    return
                self._put()
            except StoreError as error:
                self._lose(f"can no longer be held: {error}")
                return

    def _is_taken(self, met: dict[str, float]) -> bool:
        """Whether ours was removed, or another holds one too: who only asks does not renew."""
        leases = self._files.list_files(self._folder)
        return self._name not in leases or any(
            renewed != met.setdefault(name, renewed)
            for name, renewed in leases.items()
            if name != self._name
        )

    def _lose(self, why: str) -> None:
        self._lost = f"{self._root} {why}"
        os.kill(os.getpid(), signal.SIGINT)


def _holder_of(files: Files, place: Location) -> dict[str, Any]:
    try:
        about = json.loads(files.read(place))
    except (FileNotFoundError, ValueError, RecursionError):
        about = None
    return about if isinstance(about, dict) else {"holder": "another process"}
