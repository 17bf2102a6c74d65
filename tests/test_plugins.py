"""Python files that register components, and modules of the user's own that they import."""

import importlib
import os
import py_compile
import sys
from pathlib import Path
from types import ModuleType

import pytest

from rayal.plugins import load_plugins
from rayal.registry import STRATEGIES


def test_a_plugin_registers_once_and_a_broken_one_leaves_nothing(tmp_path: Path) -> None:
    good, broken = tmp_path / "good_one.py", tmp_path / "broken_one.py"
    good.write_text(
        "from rayal.contracts import strategy\n\n"
        "@strategy()\n"
        "def from_a_plugin(pool, budget, rng):\n    return pool.unlabeled[:budget]\n"
    )
    broken.write_text("1 / 0\n")
    load_plugins([good])
    load_plugins([good])
    assert "from_a_plugin" in STRATEGIES.names()
    del STRATEGIES._components["from_a_plugin"]
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            load_plugins([broken])


def with_a_former_text_kept(file: Path) -> None:
    """Write VALUE = 2, beside which Python keeps VALUE = 1, of the same size and time of change."""
    file.write_text("VALUE = 1\n")
    os.utime(file, (1, 1))
    py_compile.compile(str(file))
    file.write_text("VALUE = 2\n")
    os.utime(file, (1, 1))


def loaded(plugin: Path) -> ModuleType:
    load_plugins([plugin])
    [name] = [name for name in sys.modules if name.startswith(f"rayal_plugin_{plugin.stem}_")]
    return sys.modules[name]


def test_a_plugin_is_compiled_from_its_text_whatever_python_keeps_beside_it(tmp_path: Path) -> None:
    with_a_former_text_kept(tmp_path / "kept.py")
    assert loaded(tmp_path / "kept.py").VALUE == 2


def test_so_are_modules_of_the_users_own_that_a_plugin_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_package").mkdir()
    (tmp_path / "own_package/__init__.py").touch()
    for name in ("own_first.py", "own_package/inner.py", "own_later.py"):
        with_a_former_text_kept(tmp_path / name)
    (tmp_path / "importing.py").write_text(
        "import own_first\nfrom own_package import inner\n\n\n"
        "def later():\n    import own_later\n\n    return own_later.VALUE\n"
    )
    plugin = loaded(tmp_path / "importing.py")
    assert (plugin.own_first.VALUE, plugin.inner.VALUE, plugin.later()) == (2, 2, 2)


def test_what_python_finds_is_found_by_one_finder_more(tmp_path: Path) -> None:
    for name in ("empty_plugin.py", "another_empty.py"):
        (tmp_path / name).touch()
        loaded(tmp_path / name)
    assert [getattr(finder, "__module__", "") for finder in sys.meta_path].count(
        "rayal.plugins"
    ) == 1
    assert importlib.reload(importlib.import_module("colorsys")).ONE_THIRD
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("no_such_module")
