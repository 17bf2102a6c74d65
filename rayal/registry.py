"""Name -> component; parameters are checked against the signature of the component's function."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import pkgutil
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from rayal.hints import nearest, show_value, way_out
from rayal.traits import DatasetTraits, EncoderTraits, LearnerTraits, StrategyTraits, Traits

Function = TypeVar("Function", bound=Callable[..., Any])
Settings = TypeVar("Settings")


AnyTraits = TypeVar("AnyTraits", bound=Traits)


class ParametersError(ValueError):
    """Parameters that a component refuses; sentences: one for each."""

    def __init__(self, sentences: Sequence[str]) -> None:
        super().__init__("; ".join(sentences))
        self.sentences = tuple(sentences)


@dataclass(frozen=True)
class Component(Generic[AnyTraits]):
    """A registered function with its checked parameters."""

    kind: str
    function: Callable[..., Any]
    traits: AnyTraits

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    @cached_property
    def parameters(self) -> dict[str, inspect.Parameter]:
        """The keyword-only parameters, which a sweep file may set."""
        parameters = inspect.signature(self.function).parameters.values()
        return {p.name: p for p in parameters if p.kind is p.KEYWORD_ONLY}

    @property
    def is_trained_on_images(self) -> bool:
        """Whether it is an encoder that is trained on the images it is given, and keeps weights."""
        return "keep" in inspect.signature(self.function).parameters

    @cached_property
    def _hints(self) -> dict[str, Any]:
        try:
            hints = get_type_hints(self.function, include_extras=True)
        except Exception as error:
            raise ValueError(self._unreadable(error)) from error
        for name in self.parameters:
            if name not in hints:
                raise ValueError(
                    f"{self.kind} '{self.name}': its parameter '{name}' has no type; write one, "
                    f"such as {name}: float = 0.5"
                )
        return hints

    @cached_property
    def _types(self) -> dict[str, TypeAdapter[Any]]:
        hints = self._hints
        try:
            return {name: _adapter(hints[name]) for name in self.parameters}
        except Exception as error:
            raise ValueError(self._unreadable(error)) from error

    def _unreadable(self, error: Exception) -> str:
        return (
            f"{self.kind} '{self.name}': the types of its parameters cannot be read "
            f"({type(error).__name__}: {error})"
        )

    def bind(self, params: Mapping[str, object]) -> dict[str, object]:
        """Return the parameters, the given ones checked and the rest at their defaults.

        Of those that were added later only the ones at which the component does another thing than
        before, so that the ids and records of trials stay what they were.

        Raises:
            ParametersError: unknown or missing names, values of the wrong type or out of bounds.
        """
        sentences = [self._unknown(name) for name in params if name not in self.parameters]
        bound = {}
        for name, parameter in self.parameters.items():
            try:
                bound[name] = self._value(parameter, params)
            except ValueError as error:
                sentences.append(str(error))
        if sentences:
            raise ParametersError(sentences)
        left_out = {name: self.parameters[name].default for name in self.traits.added}
        for name, value in {**left_out, **self.traits.former}.items():
            if bound[name] == value:
                del bound[name]
        return bound

    def arguments(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return bound parameters with those that are left out at other values than defaults."""
        return {**self.traits.former, **params}

    def _value(self, parameter: inspect.Parameter, params: Mapping[str, object]) -> object:
        if parameter.name not in params:
            if parameter.default is parameter.empty:
                raise ValueError(
                    f"{self.kind} '{self.name}' needs the parameter '{parameter.name}'"
                )
            return parameter.default
        value = params[parameter.name]
        refused = f"{self.kind} '{self.name}': {parameter.name}={show_value(value)} is refused"
        if not _is_finite(value):
            raise ValueError(
                f"{refused}: infinity and not-a-number are no values of parameters; give a finite "
                "number"
            )
        try:
            return _in_form_of(
                parameter.default, self._types[parameter.name].validate_python(value)
            )
        except ValidationError as error:
            errors = error.errors(include_url=False)[:2]
            why = "; ".join(e["msg"][0].lower() + e["msg"][1:] for e in errors)
            ways = dict.fromkeys(way_out(e["type"], e["input"]) for e in errors)
            raise ValueError(f"{refused}: {why}{''.join(ways)}") from None

    def files(self, params: Mapping[str, Any]) -> dict[str, Path]:
        """Return the files that determine what the component does, by the parameter naming each.

        Those that it declares; otherwise every text among the parameters that is a file's path.
        """
        if self.traits.files is not None:
            return dict(self.traits.files(params))
        texts = [pair for name in self.parameters for pair in self._texts(name, params.get(name))]
        paths = {name: Path(text).expanduser() for name, text in texts if "\0" not in text}
        return {name: path for name, path in paths.items() if _is_file(path)}

    def _texts(self, name: str, value: object) -> list[tuple[str, str]]:
        """Return the texts in a parameter of free text, by its name and their place in it."""
        if not _admits_text(self._hints[name]):
            return []
        items: Iterable[tuple[object, object]] = ()
        if isinstance(value, Mapping):
            items = value.items()
        elif isinstance(value, (list, tuple)):
            items = enumerate(value)
        inner = [(f"{name}.{key}", text) for key, text in items if isinstance(text, str)]
        return [(name, value)] if isinstance(value, str) else inner

    def _unknown(self, name: str) -> str:
        known = list(self.parameters)
        listed = f"; it has {', '.join(known)}" if known else "; it has none"
        shown = show_value(name)
        return f"{self.kind} '{self.name}' has no parameter {shown}{nearest(name, known)}{listed}"


@dataclass
class Registry(Generic[AnyTraits]):
    """All components of one kind.

    A look-up imports the package's module of that name, and all modules only where there is no such
    one: a plan of experiments without networks does not wait for PyTorch.
    """

    kind: str
    package: str
    _components: dict[str, Component[AnyTraits]] = field(default_factory=dict)
    _loaded: bool = False

    def register(self, traits: AnyTraits) -> Callable[[Function], Function]:
        def add(function: Function) -> Function:
            component = Component(self.kind, function, traits)
            earlier = self._components.get(component.name)
            if earlier is not None and earlier.function.__module__ != function.__module__:
                raise ValueError(
                    f"two {self.kind} components are named '{component.name}': in "
                    f"{earlier.function.__module__} and in {function.__module__}; rename one"
                )
            self._components[component.name] = component
            return function

        return add

    def names(self) -> list[str]:
        self._load()
        return sorted(self._components)

    def find(self, name: str) -> Component[AnyTraits]:
        """Return the component of that name.

        Raises:
            ValueError: there is none; the message names the nearest and lists all.
        """
        if not self.has(name):
            known = self.names()
            kinds = [registry.kind for registry in REGISTRIES if registry.has(name)]
            hint = f", but {_one(kinds[0])} of that name" if kinds else nearest(name, known)
            raise ValueError(
                f"there is no {self.kind} named {show_value(name)}{hint}; known: {', '.join(known)}"
            )
        return self._components[name]

    def has(self, name: str) -> bool:
        """Whether there is a component of that name."""
        if not (self._loaded or self._has_module_of(name)):
            self._load()
        return name in self._components

    def _has_module_of(self, name: str) -> bool:
        """Whether the package's module of that name, now imported, holds a component of it."""
        module = f"{self.package}.{name}"
        if not name.isidentifier() or name.startswith("_"):
            return False
        if importlib.util.find_spec(module) is None:
            return False
        importlib.import_module(module)
        component = self._components.get(name)
        return component is not None and component.function.__module__ == module

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):  # what components share
                importlib.import_module(f"{self.package}.{module.name}")


DATASETS: Registry[DatasetTraits] = Registry("dataset", "rayal.datasets")
ENCODERS: Registry[EncoderTraits] = Registry("encoder", "rayal.encoders")
STRATEGIES: Registry[StrategyTraits] = Registry("strategy", "rayal.strategies")
LEARNERS: Registry[LearnerTraits] = Registry("learner", "rayal.learners")
REGISTRIES: tuple[Registry[Any], ...] = (DATASETS, ENCODERS, STRATEGIES, LEARNERS)


def from_arguments(
    settings: type[Settings], arguments: Mapping[str, Any], **others: Any
) -> Settings:
    """Return a dataclass with the values of the arguments that are named as its fields.

    A component with many parameters calls it first of all, with `locals()`, to hand them on as one.

    Args:
        settings: the dataclass.
        arguments: name -> value; names that the dataclass does not have are left out.
        others: further fields.

    Raises:
        TypeError: a field without a default is in neither.
    """
    names = [f.name for f in fields(settings)]  # type: ignore[arg-type]
    return settings(**{name: arguments[name] for name in names if name in arguments}, **others)


def _one(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _in_form_of(default: object, value: object) -> object:
    """Return a value as the default that it equals: 10.0 beside 10 would be two trials."""
    return default if value == default and type(value) is not bool else value


def _is_finite(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _admits_text(hint: Any) -> bool:
    """Whether a type has a place for free text, which a choice of words is not."""
    if typing.get_origin(hint) is typing.Literal:
        return False
    return hint in (str, Path, Any) or any(map(_admits_text, typing.get_args(hint)))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a text too long for a name
        return False


def _adapter(hint: Any) -> TypeAdapter[Any]:
    """Check strictly ("3" is no number), but let a YAML list stand for a tuple."""
    inner = typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint
    if typing.get_origin(inner) is tuple:
        return TypeAdapter(hint)
    return TypeAdapter(hint, config=ConfigDict(strict=True))
