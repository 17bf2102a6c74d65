"""Plain YAML: no tags, no aliases, no key twice, and what is written can be read again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from rayal.sweep.errors import SweepError

LARGEST_FILE = 1_000_000  # bytes of YAML


class _Loader(yaml.SafeLoader):
    """Refuses tags, aliases (bombs) and a key that is given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise SweepError("aliases (*name) are not allowed in a sweep file; write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys = [key.value for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise SweepError(f"the key '{key}' is given twice")
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Write a value that stands in two places out twice: aliases are not read again."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _refuse_tag(loader: Any, suffix: str, node: Any) -> Any:
    raise SweepError(f"the tag '{node.tag}' is not allowed in a sweep file; write plain values")


_Loader.add_multi_constructor("", _refuse_tag)


def parse(text: str) -> Any:
    """Parse plain YAML.

    Raises:
        SweepError: it has a tag, an alias or a key twice.
        yaml.YAMLError: it is no YAML.
    """
    return yaml.load(text, Loader=_Loader)


def dump(tree: Mapping[str, Any]) -> str:
    """Write a mapping as YAML that `parse` reads as the same mapping."""
    text: str = yaml.dump(dict(tree), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def read(path: Path) -> dict[str, Any]:
    """Read a file that holds a mapping.

    Raises:
        SweepError: it cannot be read, is too large, is no plain YAML, or holds no mapping.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise SweepError(f"{path} is larger than {LARGEST_FILE:,} bytes: is it a sweep file?")
        tree = parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SweepError(f"sweep file {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise SweepError(f"{path} is no YAML: {error}") from None
    except SweepError as error:
        raise SweepError(f"{path}: {error}") from None
    if not isinstance(tree, dict):
        raise SweepError(f"{path} holds no mapping of keys to values")
    return tree
