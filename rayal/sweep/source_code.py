"""The source of components that are a user's own, and of what of the user's own they import.

A module is the user's own unless it is Python's, rayal's, or installed. Imports are read from the
source, those inside functions too; nothing is imported or run for it. A module that is imported
under a name made up at run time is not seen.

What a process has imported is the text of that time, whatever stands in the file since: its hash
and its imports are those of the text which runs (`plugins.imported_text`).
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rayal.plugins import imported_text, is_rayals, is_users_own


def source_files(module: str) -> list[Path]:
    """Return the file of a module, and those of the user's own that it imports, through others too.

    None of a module of rayal's own.
    """
    file = _file_of(module)
    return [] if file is None or is_rayals(file) else _with_imported(module, file)


def _with_imported(module: str, file: Path) -> list[Path]:
    """Return the file of a module of the user's own, and those of the user's that it imports."""
    files, waiting = {module: file}, [module]
    while waiting:
        for name in _imported(files[current := waiting.pop()], current):
            origin = None if name in files else _file_of(name)
            if origin is not None and is_users_own(origin):
                files[name] = origin
                waiting.append(name)
    return list(dict.fromkeys(files.values()))


def source_hash(files: list[Path]) -> str:
    """Return the SHA-256 of some source files, wherever they lie; "" of none."""
    if not files:
        return ""
    return _hash_of_all(_text_hash(file.read_bytes(), file) for file in files)


def imported_hash(files: list[Path]) -> str:
    """Return `source_hash` of the text that this process has imported of files.

    Of what it has not imported, or not as a plugin's, what stands in the files.
    """
    return _hash_of_all(_text_hash(_text(file), file) for file in files) if files else ""


def changed_before_import(hashes: Mapping[str, str]) -> list[str]:
    """Return the files, of those with these `source_hash`es, that are others and not yet imported.

    A component imports them where it first needs them, and would run what nobody has planned.
    """
    if len(hashes) < 2:  # the component's own, which is loaded
        return []
    return [
        str(path)
        for path in _not_loaded(map(Path, hashes))
        if not (path.is_file() and source_hash([path]) == hashes[str(path)])
    ]


_LOADED: set[Path] = set()  # files that were seen to be imported, which they remain


def _not_loaded(paths: Iterable[Path]) -> list[Path]:
    """Return those of some files that no module of this process was imported from."""
    left = [path for path in paths if path not in _LOADED]
    if not left:
        return left
    names = tuple(path.name for path in left)
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    own = (file for file in files if isinstance(file, str) and file.endswith(names))
    _LOADED.update(Path(os.path.realpath(file)) for file in own)
    return [path for path in left if path not in _LOADED]


def _hash_of_all(contents: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(sorted(contents)).encode()).hexdigest()


def _text(file: Path) -> bytes:
    """Return the text of a file that runs here, or would run."""
    text = imported_text(file)
    return file.read_bytes() if text is None else text


def _text_hash(text: bytes, file: Path) -> str:
    """Hash a text with one kind of line ends, for version control may change them."""
    normalized = text.replace(b"\r\n", b"\n") if file.suffix == ".py" else text
    return hashlib.sha256(normalized).hexdigest()


def _imported(file: Path, module: str) -> Iterator[str]:
    """Yield the names of all modules that a source file may import, with their packages."""
    if file.suffix != ".py":
        return
    try:
        tree = ast.parse(_text(file))
    except (SyntaxError, ValueError, RecursionError):
        return
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        for name in _names(node, package):
            parts = name.split(".")
            yield from (".".join(parts[:n]) for n in range(1, len(parts) + 1))


def _names(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
        base = ".".join([*above, *([node.module] if node.module else [])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names if base)
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
            yield node.args[0].value


def _file_of(module: str) -> Path | None:
    """Return the file of a module, loaded or not, None where it has none."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None) if loaded else _find(module)
    if not file:
        return None
    path = Path(file).resolve()
    return path if path.is_file() else None


def _find(module: str) -> str | None:
    """Look for a module without importing its packages."""
    spec: importlib.machinery.ModuleSpec | None = None
    places = None
    parts = module.split(".")
    for n in range(1, len(parts) + 1):
        try:
            spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:n]), places)
        except (ImportError, ValueError, AttributeError):
            return None
        if spec is None:
            return None
        places = spec.submodule_search_locations
        if places is None and n < len(parts):
            return None
    return spec.origin if spec else None
