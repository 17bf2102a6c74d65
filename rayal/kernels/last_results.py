"""The last results of a function of an array, kept for the next calls with the same array."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy.typing as npt

P = ParamSpec("P")
Array = TypeVar("Array", bound=npt.NDArray[Any])
Result = TypeVar("Result", bound=npt.NDArray[Any])


RESULTS = 4  # of different arrays or arguments, kept at once


def keeps_last_results(
    function: Callable[Concatenate[Array, P], Result],
) -> Callable[Concatenate[Array, P], Result]:
    """Return a function that remembers its last results while the arrays that they were of live.

    Many trials ask for the same of the same features. Only read-only arrays are remembered, by
    which object they are: others may have changed since. The result is made read-only.
    """
    kept: list[tuple[weakref.ref[Any], Any, Result]] = []

    @functools.wraps(function)
    def remembering(array: Array, *rest: P.args, **named: P.kwargs) -> Result:
        arguments = (rest, tuple(sorted(named.items())))
        for of, asked, result in kept:
            if of() is array and asked == arguments:
                return result
        result = function(array, *rest, **named)
        result.flags.writeable = False
        if not array.flags.writeable:
            alive = [entry for entry in kept if entry[0]() is not None]
            kept[:] = [*alive[1 - RESULTS :], (weakref.ref(array), arguments, result)]
        return result

    return remembering  # type: ignore[return-value]  # functools.wraps knows the names alone
