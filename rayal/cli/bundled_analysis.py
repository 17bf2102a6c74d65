"""The package `analysis` that is installed beside `rayal`, whatever else goes by that name.

`analysis` is one of the most common names for a folder of one's own, and Python looks into the
working directory first. The commands of rayal need theirs, and a plugin may need the user's: ours
stands in its place only while a command uses it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from types import ModuleType

NAME = "analysis"
BESIDE_RAYAL = Path(__file__).parent.parent.parent
_LOADED: dict[str, ModuleType] = {}  # our modules while another package goes by the name


@contextmanager
def bundled_analysis() -> Iterator[None]:
    """Let `import analysis` give rayal's own package within the block.

    Raises:
        ImportError: it is not installed beside rayal.
    """
    spec = _own_spec()
    if _imported_from() == spec.origin:
        yield
        return
    others = _take_out()
    sys.modules.update(_LOADED)
    try:
        if not _LOADED:
            _load(spec)
        yield
    finally:
        _LOADED.update(_take_out())
        sys.modules.update(others)


def _own_spec() -> ModuleSpec:
    spec = PathFinder.find_spec(NAME, [str(BESIDE_RAYAL)])
    if spec is None or spec.loader is None:
        raise ImportError(f"the package {NAME} is not installed in {BESIDE_RAYAL}, beside rayal")
    return spec


def _imported_from() -> str | None:
    """The file that `import analysis` runs or has run."""
    try:
        spec = find_spec(NAME)
    except ValueError:  # a module that was put there by hand
        return None
    return spec.origin if spec else None


def _take_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]
    return {name: sys.modules.pop(name) for name in names}


def _load(spec: ModuleSpec) -> None:
    module = module_from_spec(spec)
    sys.modules[NAME] = module
    assert spec.loader is not None
    spec.loader.exec_module(module)
