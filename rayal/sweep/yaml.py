"""Plain YAML 1.2: no tags, no aliases, no key twice, and what is written can be read again.

YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema) has fewer words with a meaning than PyYAML's
YAML 1.1: `no`, `yes`, `on`, `off`, 1:30 and 1_000 are text, 010 is ten, 1e-1 is a number.
"""

from __future__ import annotations

import errno
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rayal.storage import plain_files
from rayal.sweep.errors import SweepError, text_of

LARGEST_FILE = 250_000  # bytes of YAML; the largest of the project's own has 9,000
DEEPEST = 20  # levels of lists and mappings in one another
MOST_DIGITS = 18  # of a whole number: longer ones are no numbers of anything here, and stay text

_BOOL = re.compile(r"true|True|TRUE|false|False|FALSE")
_NULL = re.compile(r"~|null|Null|NULL|")
_INT = re.compile(rf"[-+]?[0-9]{{1,{MOST_DIGITS}}}|0o[0-7]{{1,20}}|0x[0-9a-fA-F]{{1,15}}")
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)[eE][-+]?[0-9]+"
    r"|[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")  # of surrogates, one character
_CORE_SCHEMA = (("bool", _BOOL), ("null", _NULL), ("int", _INT), ("float", _FLOAT))


class _Loader(yaml.SafeLoader):
    """Refuses tags, aliases (bombs), a key that is given twice and what is nested too deep."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 - PyYAML's own class variable

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_document(self) -> Any:
        version = self.peek_event().version  # type: ignore[no-untyped-call]
        if version not in (None, (1, 2)):
            major, minor = version
            raise SweepError(
                f"it says that it is YAML {major}.{minor}, and sweep files are read as YAML 1.2, "
                "in which yes, 010 and 1:30 mean other things: remove the line"
            )
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise SweepError("aliases (*name) are not allowed in a sweep file; write it out")
        tag = self.peek_event().tag  # type: ignore[no-untyped-call]
        if tag is not None:
            raise SweepError(f"the tag '{tag}' is not allowed in a sweep file; write plain values")
        self._depth += 1
        if self._depth > DEEPEST:
            raise SweepError(f"it is no YAML of a sweep: it is nested more than {DEEPEST} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            keys = [(self.construct_object(key), key.value) for key, _ in node.value]
            counts = Counter(key for key, _ in keys)
            twice = dict.fromkeys(text for key, text in keys if counts[key] > 1)
            repeated = "; ".join(f"the key '{text}' is given twice" for text in [*twice][:5])
            raise SweepError(repeated)
        return mapping

    def flatten_mapping(self, node: Any) -> None:
        """Leave the key << as it is: YAML 1.2 has no merging."""


class _Dumper(yaml.SafeDumper):
    """Write a value that stands in two places out twice: aliases are not read again.

    Text that is a number or a word with a meaning in YAML 1.1 or 1.2 is written in quotes.
    """

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(dumper: Any, text: str) -> Any:
    breaks = any(character in text for character in "\x85\u2028\u2029")  # lines, to PyYAML
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if breaks else None)


def _text_of_node(loader: Any, node: Any) -> str:
    """Return text in which a character that JSON writes as two escapes is one."""
    text: str = loader.construct_scalar(node)
    return _PAIR.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _whole_number(loader: Any, node: Any) -> int:
    text = node.value
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _number(loader: Any, node: Any) -> float:
    return float(node.value.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _boolean(loader: Any, node: Any) -> bool:
    return str(node.value).lower() == "true"


for _kind, _pattern in _CORE_SCHEMA:
    for _class in (_Loader, _Dumper):
        _whole = re.compile(f"(?:{_pattern.pattern})$")
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", _whole, None)
_Dumper.add_representer(str, _text_node)
_Loader.add_constructor("tag:yaml.org,2002:str", _text_of_node)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)
_Loader.add_constructor("tag:yaml.org,2002:bool", _boolean)


def parse(text: str) -> Any:
    """Parse plain YAML.

    Raises:
        SweepError: it is no YAML, is nested too deep, or has a tag, an alias or a key twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, SweepError):
            raise
        raise SweepError(f"it is no YAML: {text_of(error)}") from None


def dump(tree: Mapping[str, Any]) -> str:
    """Write a mapping as YAML that `parse` reads as the same mapping."""
    text: str = yaml.dump(dict(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def read(path: Path) -> dict[str, Any]:
    """Read a file that holds a mapping.

    Raises:
        SweepError: it cannot be read, is no plain file, is too large, is no plain YAML, or holds no
            mapping.
    """
    try:
        text = _text(path)
        tree = parse(text)
    except OSError as error:
        raise SweepError(f"sweep file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SweepError(f"{path} is no YAML: it is no UTF-8 text ({error})") from None
    except SweepError as error:
        raise SweepError(f"{path}: {error}") from None
    if not isinstance(tree, dict):
        raise SweepError(f"{path} holds no mapping of keys to values: is it a sweep file?")
    return tree


def _text(path: Path) -> str:
    """Return the text of a plain file, without waiting on a pipe or reading a device for ever."""
    try:
        return plain_files.read(path, LARGEST_FILE).decode("utf-8")
    except plain_files.NotPlainError as error:
        if error.errno == errno.EFBIG:
            message = f"it is larger than {LARGEST_FILE:,} bytes: is it a sweep file?"
        else:
            message = f"{error.strerror}, no file; give a sweep file"
        raise SweepError(message) from None
