"""What a strategy warns of in a trial: kept in its record, for nobody sees a worker's terminal."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """Give a list that has, after the body, the texts of its UserWarnings, each once.

    Warnings of other categories are of libraries, and are shown as ever.
    """
    kept: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield kept
    for warning in caught:
        text, category = warning.message, warning.category
        if category is not UserWarning:
            warnings.showwarning(text, category, warning.filename, warning.lineno)
        elif str(text) not in kept:
            kept.append(str(text))
