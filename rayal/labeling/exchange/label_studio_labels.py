"""The labels in what Label Studio exports: results of JSON, cells of JSON_MIN and CSV."""

from __future__ import annotations

import json
from typing import Any


def labels_of_result(result: Any, control: str | None) -> list[str]:
    """Return the labels of one result, none where another control made it; None: of any."""
    if not isinstance(result, dict):
        return []
    if control is not None and result.get("from_name", control) != control:
        return []
    value = result.get("value")
    texts = _texts(value) if isinstance(value, dict) else []
    return [label for text in _as_list(texts) for label in _as_written(text)]


def labels_of_cell(value: Any) -> list[str]:
    """Return the labels of a value of JSON_MIN or CSV.

    JSON_MIN has "cat", {"choices": [...]} or a list of such; CSV the same as text.
    """
    if isinstance(value, str):
        held = _held_by(value)
        return [value] if held is None else labels_of_cell(held)
    if value is None:
        return []
    if isinstance(value, dict):
        return labels_of_cell(_texts(value))
    if isinstance(value, list):
        return [label for part in value for label in labels_of_cell(part)]
    return [str(value)]


def _texts(value: dict[str, Any]) -> Any:
    """Return what was chosen, or typed."""
    return value.get("choices") or value.get("text") or []


def _as_list(texts: Any) -> Any:
    return [texts] if isinstance(texts, str) else texts


def _as_written(text: Any) -> list[str]:
    """Return the labels of a part of a result, in which text that looks like JSON is a name."""
    return [text] if isinstance(text, str) else labels_of_cell(text)


def _held_by(text: str) -> Any:
    """Return what text holds that was written as JSON; None of a class that is called "[1]"."""
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    parts = [value] if isinstance(value, dict) else value
    return value if all(isinstance(part, str | dict | list) for part in parts) else None
