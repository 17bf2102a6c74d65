"""Types of parameters and of keys as a reader of YAML knows them: "whole number from 1"."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import annotated_types as bounds
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import Doc, NotRequired, get_type_hints, is_typeddict

from rayal.sweep.amounts import Amount, Amounts, SeedCounts
from rayal.sweep.schema import Entries, PruneOption

SHARE = "a share such as `0.5%`"
BY_HAND = (  # types whose form is checked by a function, which says nothing of it
    (Amount, f"whole number, or {SHARE}"),
    (Amounts, f"whole number, {SHARE}, or a list of these"),
    (SeedCounts, "whole number, or a mapping of names to whole numbers"),
    (Entries, "list of entries"),
    (PruneOption, "`paired`, or a mapping of the keys under `prune`, or `null`"),
)
PLAIN = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    type(None): "`null`",
    Any: "anything",
}


def in_words(hint: Any) -> str:
    """Return what may be written for a type, with its bounds, as Markdown."""
    for known, words in BY_HAND:
        if hint == known:
            return words
    if hint in PLAIN:
        return PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _bounded(arguments[0], arguments[1:])
    if origin is NotRequired:
        return in_words(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _either(list(map(in_words, arguments)))
    if origin is Literal:
        return _either([f"`{choice}`" for choice in arguments])
    return _gathered(hint, origin, arguments)


def description(hint: Any) -> str:
    """Return the text of an `Annotated[..., Doc(...)]`, or nothing."""
    notes = typing.get_args(hint)[1:] if typing.get_origin(hint) is typing.Annotated else ()
    return " ".join(note.documentation for note in notes if isinstance(note, Doc))


def _gathered(hint: Any, origin: Any, arguments: Sequence[Any]) -> str:
    """Say lists and mappings."""
    if origin is tuple and arguments[-1] is not ...:
        return f"list of {len(arguments)}: {', '.join(map(in_words, arguments))}"
    if origin in (list, tuple, Sequence):
        return f"list of {in_words(arguments[0])}"
    if origin in (dict, Mapping):
        return f"mapping of names to {in_words(arguments[1])}"
    if is_typeddict(hint):
        keys = get_type_hints(hint, include_extras=True)
        return f"mapping ({', '.join(f'`{key}`: {in_words(kind)}' for key, kind in keys.items())})"
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return f"mapping ({', '.join(f'`{key}`' for key in hint.model_fields)})"
    raise TypeError(f"there are no words for the type {hint!r}: add them to website")


def _bounded(hint: Any, notes: Sequence[Any]) -> str:
    words_of_bounds = ", ".join(words for note in notes for words in _bounds(note))
    return f"{in_words(hint)} {words_of_bounds}".rstrip()


def _either(choices: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(choices[:-1]), choices[-1]]))


def _bounds(note: Any) -> Iterator[str]:
    if isinstance(note, FieldInfo):
        for one in note.metadata:
            yield from _bounds(one)
    for kind, name, words in _BOUNDS:
        if isinstance(note, kind):
            yield words.format(getattr(note, name))


_BOUNDS = (
    (bounds.Ge, "ge", "from {:,}"),
    (bounds.Gt, "gt", "above {:,}"),
    (bounds.Le, "le", "to {:,.15g}"),
    (bounds.Lt, "lt", "below {:,}"),
    (bounds.MinLen, "min_length", "({} at least)"),
    (bounds.MaxLen, "max_length", "({} characters at most)"),
)
