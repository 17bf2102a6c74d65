"""Plugins: Python files of a user's own, imported with what of the user's own they import.

These are compiled from their text each time. Python keeps what it compiled under the file's time of
change and size, and the ids of trials go by the text: where time and size are those of an earlier
text (copies that keep times, builds with one fixed time), the earlier text would run under the ids
of the present one. What was compiled is kept, since a file may be saved anew once it was read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

_RAYAL = Path(__file__).resolve().parent  # where links to it lead, as the files asked about
_INSTALLED = ("site-packages", "dist-packages")
_SYSTEM = tuple(
    Path(sysconfig.get_path(name)).resolve()
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def load_plugins(files: Iterable[Path]) -> None:
    """Import Python files that register components, each once.

    Raises:
        ValueError: a file is not there, or is not Python.
    """
    for file in files:
        name = plugin_module(file)
        if name not in sys.modules:
            _find_own_modules()
            _import(name, file)


def plugin_module(file: Path) -> str:
    """Return the name of the module that a plugin is imported as."""
    place = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:8]
    return f"rayal_plugin_{file.stem}_{place}"


def imported_text(file: Path) -> bytes | None:
    """Return the text of a plugin, or of what one imports, as it runs; None of other files.

    file: without links in its path.
    """
    return _TEXTS.get(file)


_TEXTS: dict[Path, bytes] = {}  # as they were compiled, by file


def is_rayals(file: Path) -> bool:
    """Whether a file, without links in its path, is of the packages of rayal."""
    return any(file.is_relative_to(package) for package in (_RAYAL, _RAYAL.parent / "analysis"))


def is_users_own(file: Path) -> bool:
    """Whether a module's file is neither Python's nor rayal's nor installed.

    file: without links in its path.
    """
    system = any(file.is_relative_to(folder) for folder in _SYSTEM)
    return not (is_rayals(file) or system or any(part in _INSTALLED for part in file.parts))


def _import(name: str, file: Path) -> None:
    loader = _SourceLoader(name, str(file)) if file.suffix == ".py" else None
    spec = importlib.util.spec_from_file_location(name, file, loader=loader)
    if spec is None or spec.loader is None or not file.is_file():
        raise ValueError(f"plugin {file} is not a Python file that can be read")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


class _SourceLoader(SourceFileLoader):
    """Compiles a file as it stands, whatever Python keeps of it."""

    def path_stats(self, path: str) -> Mapping[str, Any]:
        """Raise OSError, as where there is no time of change: nothing is read or kept by it."""
        raise OSError(f"{path} is compiled each time")

    def source_to_code(  # type: ignore[override]  # static where modules are not files
        self, data: Any, path: Any, **options: Any
    ) -> CodeType:
        """Compile a text, and keep it."""
        _TEXTS[Path(path).resolve()] = bytes(data)
        try:
            code: CodeType = super().source_to_code(data, path, **options)
        except ValueError as error:  # of null bytes, in Python 3.10, which names no file
            raise SyntaxError(str(error), (str(path), 1, 0, "")) from error
        return code


class _OwnModules:
    """Finds modules where Python does, and has the user's own compiled by `_SourceLoader`."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target)
        if spec is None or not spec.origin or type(spec.loader) is not SourceFileLoader:
            return spec
        if is_users_own(Path(spec.origin).resolve()):
            spec.loader = _SourceLoader(name, spec.origin)
        return spec


def _find_own_modules() -> None:
    """Have `_OwnModules` asked from now on, also when a plugin's function imports in a trial."""
    if _OwnModules not in sys.meta_path and PathFinder in sys.meta_path:
        sys.meta_path.insert(sys.meta_path.index(PathFinder), _OwnModules)
