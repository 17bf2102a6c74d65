"""The source of a plugin, and of what of the user's own it imports."""

import sys
from pathlib import Path

import pytest

import rayal
from rayal.plugins import load_plugins
from rayal.sweep.source_code import source_files, source_hash
from tests.scripts import run_script


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def files(folder: Path, name: str = "plugin.py") -> set[str]:
    """The files that a plugin is made of, by their place in the folder."""
    before = set(sys.modules)
    try:
        load_plugins([folder / name])
        (module,) = [m for m in set(sys.modules) - before if m.startswith("rayal_plugin_")]
        return {str(file.relative_to(folder.resolve())) for file in source_files(module)}
    finally:
        for module in set(sys.modules) - before:
            del sys.modules[module]


def write(folder: Path, name: str, text: str = "") -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def test_rayals_own_components_have_none() -> None:
    assert source_files("rayal.strategies.random") == []
    assert source_hash([]) == ""


def test_rayals_own_components_have_none_where_a_link_leads_to_rayal(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(Path(rayal.__file__).parent.parent)
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path / 'link')!r})\n"
        "from rayal.registry import STRATEGIES\n"
        "from rayal.sweep.source_code import source_files\n"
        "function = STRATEGIES.find('random').function\n"
        "print(sys.modules['rayal'].__file__, source_files(function.__module__))"
    )
    assert run_script(script).stdout == f"{tmp_path}/link/rayal/__init__.py []\n"


def test_a_plugin_alone_is_its_file(folder: Path) -> None:
    write(folder, "plugin.py", "import json, numpy as np, torch\nfrom rayal import contracts\n")
    assert files(folder) == {"plugin.py"}


@pytest.mark.parametrize(
    "text",
    [
        "import tools_a",
        "from tools_a import anything",
        "def f():\n    import tools_a",
        "if False:\n    import tools_a",
        "import importlib\ndef f():\n    importlib.import_module('tools_a')",
    ],
)
def test_what_it_imports_of_the_users_own_is_part_of_it(folder: Path, text: str) -> None:
    write(folder, "tools_a.py", "anything = 1\nfrom tools_b import more\n")
    write(folder, "tools_b.py", "import tools_a\nmore = 2\n")  # each imports the other
    write(folder, "unused.py")
    if text.startswith("from"):
        write(folder, "tools_b.py", "more = 2\n")
    write(folder, "plugin.py", text)
    assert files(folder) == {"plugin.py", "tools_a.py", "tools_b.py"}


def test_packages_and_relative_imports_are_followed(folder: Path) -> None:
    write(folder, "package_c/__init__.py")
    write(folder, "package_c/one.py", "from . import two\nfrom .deep.three import x\n")
    write(folder, "package_c/two.py")
    write(folder, "package_c/deep/__init__.py")
    write(folder, "package_c/deep/three.py", "from ..four import y as x\n")
    write(folder, "package_c/four.py", "y = 1\n")
    write(folder, "package_c/unused.py")
    write(folder, "plugin.py", "from package_c import one\n")
    inside = {"__init__", "one", "two", "deep/__init__", "deep/three", "four"}
    assert files(folder) == {"plugin.py", *(f"package_c/{name}.py" for name in inside)}


def test_nothing_is_run_to_find_them(folder: Path) -> None:
    write(folder, "package_d/__init__.py", "raise SystemExit('imported')\n")
    write(folder, "package_d/part.py")
    write(folder, "plugin.py", "def f():\n    from package_d import part\n")
    assert files(folder) == {"plugin.py", "package_d/__init__.py", "package_d/part.py"}


def test_the_hash_is_of_the_content_and_of_no_place_or_line_ends(tmp_path: Path) -> None:
    for name, content in (("a/x.py", b"one\ntwo\n"), ("b/y.py", b"one\r\ntwo\r\n")):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(content)
    assert source_hash([tmp_path / "a/x.py"]) == source_hash([tmp_path / "b/y.py"])
    (tmp_path / "b/y.py").write_bytes(b"one\nthree\n")
    assert source_hash([tmp_path / "a/x.py"]) != source_hash([tmp_path / "b/y.py"])
