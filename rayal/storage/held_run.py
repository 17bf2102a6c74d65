"""A directory held for one sweep: whether it is that sweep's, in use, or too full."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from rayal.storage.file_names import RUN_MARK
from rayal.storage.files import StoreError, explain
from rayal.storage.location import Address, Location
from rayal.storage.run import FOLDERS, RunStore


@contextlib.contextmanager
def lock_run(root: Location, name: str) -> Iterator[RunStore]:
    """Hold a directory for one sweep while it runs.

    Raises:
        StoreError: it is not empty and no run, belongs to another sweep, is in use by another
            process, or cannot be written to.
    """
    store = RunStore(root)
    try:
        is_ours = _is_ours(store, name)
    except OSError as error:
        raise StoreError(f"{root} cannot be read: {explain(error)}") from error
    with store.files.lock(root, FOLDERS):
        if is_ours:
            store.files.remove_leftovers(root)
        if not store.files.exists(root / RUN_MARK):
            store.files.write(root / RUN_MARK, b"made by rayal; other folders are not written to\n")
        yield store


def check_space(root: Location, needed: int) -> None:
    """Refuse before anything starts when the disk cannot hold the run.

    Raises:
        StoreError: fewer than `needed` bytes are free where root lies.
    """
    if isinstance(root, Address):
        return  # object stores do not fill up
    free = shutil.disk_usage(root).free
    if free < needed:
        raise StoreError(
            f"no space for the run in {root}: it needs about {needed / 1e6:,.0f} MB and "
            f"{free / 1e6:,.0f} MB are free; free some or give another --out"
        )


def _is_ours(store: RunStore, name: str) -> bool:
    """Whether a folder is this sweep's run; False where there is nothing in it.

    Raises:
        StoreError: it is another sweep's, or something else.
    """
    files, root = store.files, store.root
    if store.has_plan():
        owner = store.plan_name()
        if owner != name:
            raise StoreError(
                f"{root} belongs to the sweep '{owner}', not to '{name}'; give another --out"
            )
        return True
    if files.exists(root / RUN_MARK) or _holds_artifact(store):
        return True
    if any(entry not in FOLDERS or files.list_dir(root / entry) for entry in files.list_dir(root)):
        raise StoreError(
            f"{root} holds other files and is no run; give another --out. Where it is a run whose "
            f"plan.json was lost, put an empty file {RUN_MARK} into it"
        )
    if isinstance(root, Path) and _is_home(root):  # hidden files alone are in many
        raise StoreError(f"{root} is your home folder; give a folder in it as --out")
    return False


def _is_home(root: Path) -> bool:
    try:
        return root.resolve() == Path.home().resolve()
    except RuntimeError:  # there is none, or links lead round
        return False


def _holds_artifact(store: RunStore) -> bool:
    """Whether an encoder of an earlier version, which left no mark, has written there."""
    for key in store.files.list_dir(store.root / "artefacts"):
        with contextlib.suppress(FileNotFoundError, StoreError):
            return {"dataset", "encoder", "versions"} <= store.artifacts.about(key).keys()
    return False
