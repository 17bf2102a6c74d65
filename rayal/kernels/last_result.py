"""The last result of a function of an array, kept for the next call with the same array."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy.typing as npt

P = ParamSpec("P")
Array = TypeVar("Array", bound=npt.NDArray[Any])
Result = TypeVar("Result", bound=npt.NDArray[Any])


def keeps_last_result(
    function: Callable[Concatenate[Array, P], Result],
) -> Callable[Concatenate[Array, P], Result]:
    """Return a function that remembers its last result while the array that it was of lives.

    Many trials ask for the same of the same features. Only read-only arrays are remembered, by
    which object they are: others may have changed since. The result is made read-only.
    """
    kept: list[tuple[weakref.ref[Any], Any, Result]] = []

    @functools.wraps(function)
    def remembering(array: Array, *given: P.args, **named: P.kwargs) -> Result:
        arguments = (given, tuple(sorted(named.items())))
        for of, asked, result in kept:
            if of() is array and asked == arguments:
                return result
        result = function(array, *given, **named)
        result.flags.writeable = False
        if not array.flags.writeable:
            kept[:] = [(weakref.ref(array, lambda _: kept.clear()), arguments, result)]
        return result

    return remembering  # type: ignore[return-value]  # functools.wraps knows the names alone
