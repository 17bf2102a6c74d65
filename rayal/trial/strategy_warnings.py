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
    others: list[warnings.WarningMessage] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield kept
        finally:
            for warning in caught:
                if warning.category is not UserWarning:
                    others.append(warning)
                elif str(warning.message) not in kept:
                    kept.append(str(warning.message))
    for warning in others:
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
