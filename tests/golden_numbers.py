"""Numbers that a version of rayal gave, in files beside the tests; see tests/test_golden.py."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "golden"
RENEW = "pytest tests/test_golden.py --renew-golden"
CHANGED = """
{file}: "{key}" gives other numbers than it did.
People who go on with an unfinished sweep would mix two random streams or two algorithms in one
table, unseen, and a finished trial would no longer be repeatable from its definition.
  * Not intended: undo the change. The difference is shown below.
  * Intended (a wrong result is put right): raise IDENTITY, which is part of every trial's id, so
    that no old record is taken for a new one; then
        {renew}
    and commit tests/golden/ with the reason, which people are told too.
{difference}"""
MISSING = """
{file} holds no number for "{key}": it is new. Look whether what it gives is right, then
    {renew}
adds it; commit tests/golden/{file} with it."""
GONE = """
{file} holds numbers of {keys}, which nothing gives any longer. If it was renamed, people's sweep
files and records still have the old name: keep that. If it is gone for good:
    {renew}"""


class GoldenFile:
    """The numbers of one JSON file by key; in renewing they are written instead of compared."""

    def __init__(self, name: str, *, renew: bool) -> None:
        self.name, self.renew = name, renew
        self._path = FOLDER / name
        self._known: dict[str, Any] = (
            json.loads(self._path.read_text()) if self._path.exists() else {}
        )

    def check(
        self,
        key: str,
        given: Any,
        *,
        tolerance: float = 0.0,
        compare: Callable[[Any, Any], list[str]] | None = None,
    ) -> None:
        """Compare with what is on file.

        tolerance: of floats, relative above 1. compare: returns a line for each difference instead.
        """
        given = as_json(given)
        compare = compare or partial(differences, tolerance=tolerance)
        if self.renew:
            self._write({**self._known, key: given})
        elif key not in self._known:
            pytest.fail(MISSING.format(file=self.name, key=key, renew=RENEW), pytrace=False)
        elif found := "\n".join(compare(self._known[key], given)):
            pytest.fail(
                CHANGED.format(file=self.name, key=key, renew=RENEW, difference=found),
                pytrace=False,
            )

    def check_keys(self, expected: set[str]) -> None:
        """Say which numbers belong to nothing any longer."""
        gone = self._known.keys() - expected
        if self.renew:
            self._write({key: self._known[key] for key in self._known.keys() & expected})
        elif gone:
            keys = ", ".join(sorted(gone))
            pytest.fail(GONE.format(file=self.name, keys=keys, renew=RENEW), pytrace=False)

    def _write(self, known: dict[str, Any]) -> None:
        """Write a line for each key, so that a change is seen where it is."""
        self._known = known
        lines = (f"{json.dumps(key)}: {json.dumps(known[key])}" for key in sorted(known))
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def as_json(value: Any) -> Any:
    """Return arrays as lists, with floats rounded to nine digits."""
    if isinstance(value, dict):
        return {str(key): as_json(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(part) for part in value]
    if isinstance(value, np.ndarray | np.generic):
        return as_json(value.tolist())
    return float(f"{value:.9g}") if isinstance(value, float) else value


def differences(expected: Any, given: Any, path: str = "", *, tolerance: float) -> list[str]:
    """Return a line for each place in which two JSON values differ."""
    if isinstance(expected, dict) and isinstance(given, dict):
        keys = sorted(expected.keys() | given.keys())
        pairs = [(f"{path}.{key}", expected.get(key), given.get(key)) for key in keys]
    elif isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        pairs = [
            (f"{path}[{i}]", *both) for i, both in enumerate(zip(expected, given, strict=True))
        ]
    else:
        return [] if _equal(expected, given, tolerance) else [f"  {path}: {expected} -> {given}"]
    return [
        line
        for name, old, new in pairs
        for line in differences(old, new, name, tolerance=tolerance)
    ]


def _equal(expected: Any, given: Any, tolerance: float) -> bool:
    if isinstance(expected, float) and isinstance(given, float):
        both_nan = expected != expected and given != given
        return both_nan or abs(expected - given) <= tolerance * max(1.0, abs(expected))
    return type(expected) is type(given) and bool(expected == given)
