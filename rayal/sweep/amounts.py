"""What a sweep file may write for numbers of images and of seeds."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import PlainValidator
from pydantic_core import PydanticCustomError

_SHARE = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+) ?%")


def _amount(value: object) -> object:
    """Take images, or a share of the pool such as "0.5%"."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and (share := _SHARE.fullmatch(value)) and 0 < float(share[1]) <= 100:
        return value
    raise PydanticCustomError("amount", "is neither a number of images nor a share such as '0.5%'")


def _amounts(value: object) -> object:
    """Take one amount, or a list of them."""
    return [_amount(one) for one in value] if isinstance(value, list) else _amount(value)


def _seed_counts(value: object) -> object:
    """Take a number, or a mapping of names to numbers."""
    numbers = value.values() if isinstance(value, dict) else [value]
    if not all(isinstance(n, int) and not isinstance(n, bool) for n in numbers):
        raise PydanticCustomError(
            "seeds", "give a whole number, or one for each strategy: {random: 100, default: 5}"
        )
    return value


Amount = Annotated[int | str, PlainValidator(_amount)]
Amounts = Annotated[int | str | list[int | str], PlainValidator(_amounts)]
SeedCounts = Annotated[int | dict[str, int], PlainValidator(_seed_counts)]
