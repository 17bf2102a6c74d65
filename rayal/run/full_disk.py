"""A disk that is full stops the sweep; it is no failure of the trial that met it."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from rayal.storage.files import StoreError, explain
from rayal.storage.run import RunStore


@contextlib.contextmanager
def full_disk_is_fatal(store: RunStore) -> Iterator[None]:
    """Raise StoreError where the body runs out of space or of its quota."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StoreError(f"{store.root}: {explain(error)}") from error
