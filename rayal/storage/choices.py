"""The choice of a trial: which images it had labeled, query by query."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


class Choice:
    """Two choices have one name where the same images were chosen in each query, in any order."""

    def __init__(self) -> None:
        self._queries = hashlib.sha256()

    def after(self, images: Sequence[int] | str) -> str:
        """Add a query, and return the name of all queries so far.

        images: indices; where they are not known, a text that stands for them alone.
        """
        self._queries.update(_in_bytes(images) + b"/")
        return self._queries.hexdigest()[:16]


def _in_bytes(images: Sequence[int] | str) -> bytes:
    if isinstance(images, str):
        return images.encode("utf-8", "surrogatepass")
    return np.sort(np.asarray(images, np.int64)).tobytes()
