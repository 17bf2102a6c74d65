"""What pydantic finds wrong with a sweep file, as sentences with the place and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from rayal.hints import nearest, show_value, way_out
from rayal.registry import REGISTRIES, Registry
from rayal.sweep.entries import LISTS

Place = tuple[int | str, ...]
Model = type[BaseModel]

_SENTENCES = {
    "bool_type": "input should be true or false",
    "dict_type": "input should be a mapping",
    "model_type": "input should be a mapping of keys to values",
    "finite_number": "input should be a finite number",
}
_AN_ENTRY = "an entry is a name, or a mapping such as {name: hacon, k: 20}"


def sentences(error: ValidationError, file: Model, only_part: str | None) -> Iterator[str]:
    """Say each mistake in a sentence.

    file: the model of the whole file; only_part: the name of its part where it writes none, which
    is then no part of a place.
    """
    for detail in error.errors(include_url=False, include_context=False):
        place = detail["loc"]
        if place[:2] == ("parts", only_part):
            place = place[2:]
        yield _sentence(detail["type"], place, detail["input"], detail["msg"], file)


def unknown_key(key: object, place: Place, file: Model) -> str:
    """Say that a key is unknown at a place, and where or how it is spelled right.

    key: its name; place: of the mapping that it stands in, () for the top of the file.
    """
    name, known = str(key), _keys_at(place, file)
    where = _dotted((*place, name)) if isinstance(key, str) else key
    close = nearest(name, known, cutoff=0.75)
    elsewhere = "" if close else _elsewhere(name, place, file)
    hint = close or elsewhere or f"; known: {', '.join(known)}"
    return f"unknown key {show_value(where)}{hint}"


def _sentence(kind: str, place: Place, value: object, message: str, file: Model) -> str:
    where = _dotted(place)
    if kind == "extra_forbidden":
        return unknown_key(place[-1], place[:-1], file)
    if kind == "missing":
        return f"'{where}' is missing{_missing_name(place, value)}"
    if place[-1:] == ("[key]",):
        place = place[:-2]
        where = f"{_dotted(place)}: the name"
        return f"{where} {show_value(value)} is refused: {message.lower()}{way_out(kind, value)}"
    if kind == "amount":
        return f"{where}: {show_value(value)} {message}{way_out('int_type', value)}"
    if kind == "model_type" and _is_entry(place):
        return f"{where}: {show_value(value)} is refused: {_AN_ENTRY}"
    sentence = _SENTENCES.get(kind, message[0].lower() + message[1:])
    return f"{where}: {show_value(value)} is refused: {sentence}{way_out(kind, value)}"


def _missing_name(place: Place, value: object) -> str:
    """Say how an entry without a name is written; nothing for other keys."""
    if place[-1] != "name" or not _is_entry(place[:-1]):
        return ""
    if isinstance(value, Mapping) and value:
        key = next(iter(value))
        inner = value[key]
        if _registry(place).has(str(key)) and len(value) == 1:
            entry = inner if isinstance(inner, Mapping) else {}
            return f": write {_written({'name': key, **entry})}"
        if nearest(str(key), ["name", *LISTS, *(r.kind for r in LISTS.values())]) and isinstance(
            inner, str
        ):
            rest = {name: value[name] for name in value if name != key}
            return f": write {_written({'name': inner, **rest})}"
    return f": {_AN_ENTRY}"


def _written(entry: Mapping[str, Any]) -> str:
    return show_value("{" + ", ".join(f"{k}: {v}" for k, v in entry.items()) + "}").strip("'\"")


def _is_entry(place: Place) -> bool:
    return len(place) >= 2 and isinstance(place[-1], int) and place[-2] in LISTS


def _registry(place: Place) -> Registry[Any]:
    return next(LISTS[str(step)] for step in reversed(place) if step in LISTS)


def _dotted(place: Place) -> str:
    """Write a place as --set takes it."""
    return ".".join(str(step) for step in place)


def _keys_at(place: Place, file: Model) -> list[str]:
    """Return the keys that a mapping may have; the top of the file has those of a part too."""
    if not place:
        return [*file.model_fields, *_part(file).model_fields]
    return list(_model_at(place, file).model_fields)


def _part(file: Model) -> Model:
    part = _inner(file, "parts")
    assert part is not None
    return part


def _model_at(place: Place, file: Model) -> Model:
    """Return the model of the mapping at a place."""
    model, steps = file, [str(step) for step in place]
    if steps and steps[0] not in file.model_fields:
        model = _part(file)
    while steps:
        step = steps.pop(0)
        inner = _inner(model, step)
        if inner is None:
            break
        if step == "parts":
            steps = steps[1:]  # the part's name
        model = inner
    return model


def _inner(model: Model, key: str) -> Model | None:
    """Return the model of what stands under a key, in lists and mappings too."""
    field = model.model_fields.get(key)
    return None if field is None else next(_models(field.annotation), None)


def _models(annotation: Any) -> Iterator[Model]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)


def _elsewhere(name: str, place: Place, file: Model) -> str:
    """Say where in the file a key belongs, or of which components it is a parameter."""
    places = [at for key, at in _places(file, ()) if key == name and at != place[:1]]
    if places:
        written = " or ".join(".".join(at) or "the top of the file" for at in places[:3])
        return f", which belongs under {written}" if places[0] else f", which belongs at {written}"
    owners = [
        f"{registry.kind} '{component}'"
        for registry in REGISTRIES
        for component in registry.names()
        if name in registry.find(component).parameters
    ]
    if not owners:
        return ""
    example = owners[0].split("'")[1]
    return (
        f", a parameter of {', '.join(owners[:4])}: give it in an entry, "
        f"{{name: {example}, {name}: ...}}"
    )


def _places(model: Model, at: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each known key with the keys that lead to it; a part's keys may stand at the top."""
    for key in model.model_fields:
        yield key, at
        inner = _inner(model, key)
        if inner is not None and key not in LISTS:
            yield from _places(inner, at if key == "parts" else (*at, key))
