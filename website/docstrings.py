"""Docstrings in parts: what is said first, "Cost:" and the like, arguments, errors."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from rayal.cli.strategies import SECTIONS

HEADS = ("Args", "Returns", "Raises", "Yields")


@dataclass(frozen=True)
class Docstring:
    """A Google-style docstring; paragraphs are joined lines, arguments are by name."""

    summary: str
    paragraphs: tuple[str, ...]
    marked: dict[str, str]
    arguments: dict[str, str]
    returns: str
    raises: dict[str, str]


def parse(documented: Any) -> Docstring:
    """Return the parts of a function's, class's or module's docstring."""
    text = inspect.getdoc(documented) or ""
    pieces = re.split(rf"^({'|'.join(HEADS)}):\n", text, flags=re.MULTILINE)
    under = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    # What follows the last list without an indent is prose again.
    prose = [pieces[0], *(_outdented(body) for body in under.values())]
    paragraphs = [p for part in prose for p in re.split(r"\n\s*\n", part.strip()) if p.strip()]
    marked = {}
    for paragraph in paragraphs[1:]:
        name, colon, rest = paragraph.partition(":")
        if colon and name in SECTIONS:
            marked[name] = _joined(rest)
    plain = [p for p in paragraphs[1:] if p.partition(":")[0] not in SECTIONS]
    return Docstring(
        _joined(paragraphs[0]) if paragraphs else "",
        tuple(p if p.startswith(("* ", "- ")) else _joined(p) for p in plain),
        marked,
        _listed(under.get("Args", "")),
        _joined(_indented(under.get("Returns", under.get("Yields", "")))),
        _listed(under.get("Raises", "")),
    )


def bullets(module: ModuleType) -> dict[str, str]:
    """Return what a module's docstring lists as "* `name`...: what it is;", by name."""
    text = inspect.getdoc(module) or ""
    matches = re.findall(r"^\* `(\w+)[^`\n]*`[^:\n]*: (.*?)[;.]$", text, re.MULTILINE | re.DOTALL)
    return {name: f"{_joined(what)}." for name, what in matches}


def escaped(text: str) -> str:
    """Return a docstring's prose as Markdown: outside of code nothing is HTML or emphasis."""
    parts = re.split(r"(``?[^`]+``?)", text)
    return "".join(p if p.startswith("`") else re.sub(r"([<*_\[\]$])", r"\\\1", p) for p in parts)


def _listed(body: str) -> dict[str, str]:
    """Return "a, b: text" of an indented list, by name."""
    entries = re.split(r"^    (?=[\w*][\w*, ]*:)", _indented(body), flags=re.MULTILINE)
    pairs = [entry.partition(":") for entry in entries if entry.strip()]
    return {name.strip(): _joined(text) for names, _, text in pairs for name in names.split(",")}


def _indented(body: str) -> str:
    return re.split(r"^(?=\S)", body, maxsplit=1, flags=re.MULTILINE)[0]


def _outdented(body: str) -> str:
    return body[len(_indented(body)) :]


def _joined(text: str) -> str:
    return " ".join(text.split())
