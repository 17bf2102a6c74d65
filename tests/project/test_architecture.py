"""The imports of the project, held against the table in docs/structure.md."""

import ast
import re
from pathlib import Path

import pytest

from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Registry

ROOT = Path(__file__).parent.parent.parent
FILES = sorted([*(ROOT / "rayal").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])
COMMANDS = {"rayal.__main__", "rayal.encode", "rayal.status", "rayal.guide", "rayal.sweep.__main__"}
FRONT_DOORS = {
    "rayal.array_query",
    "rayal.distributed.selecting",
    "rayal.labeling.classifier",
    "rayal.labeling.notebook",
}
COMPONENTS = ("rayal.datasets", "rayal.encoders", "rayal.strategies", "rayal.learners")
REGISTRIES = [DATASETS, ENCODERS, STRATEGIES, LEARNERS]
# Files that hold several components, or one of another name, and why.
FAMILIES = {
    "rayal.datasets.medmnist": "twelve sets of one format, read from the table of a package",
}


def _documented() -> dict[str, set[str]]:
    """Each module or package -> what of this project it may import, as docs/structure.md says."""
    text = (ROOT / "docs" / "structure.md").read_text().partition("\n## Imports\n")[2]
    rows = re.findall(r"^\| ([\w, .]+) \| ([\w, .]+) \|$", text.partition("\n## ")[0], re.MULTILINE)
    table: dict[str, set[str]] = {}
    for modules, allowed in rows:
        if modules != "module":
            table |= {_full(name): _all_of(allowed, table) for name in modules.split(", ")}
    return table


def _full(name: str) -> str:
    return name if name.split(".")[0] == "analysis" else f"rayal.{name}"


def _all_of(allowed: str, table: dict[str, set[str]]) -> set[str]:
    if allowed == "all of these":
        return set(table)
    return set() if allowed.startswith("nothing") else {_full(name) for name in allowed.split(", ")}


MAY_IMPORT = _documented()


def owner(module: str) -> str:
    """The row of the table that a module falls under."""
    parts = module.split(".")
    return next(
        (row for n in range(len(parts), 0, -1) if (row := ".".join(parts[:n])) in MAY_IMPORT), ""
    )


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_of(path) for path in FILES}


def imported(path: Path) -> set[str]:
    """The modules that a file imports; a name of a package that is a module counts as one."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (deeper & MODULES) or {node.module}
    return names


def allows(row: str, module: str) -> bool:
    return any(module == may or module.startswith(f"{may}.") for may in MAY_IMPORT[row] | {row})


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    module = module_of(path)
    ours = {n for n in imported(path) if n.split(".")[0] in ("rayal", "analysis")}
    if module in COMMANDS:
        assert {owner(name) for name in ours} == {"rayal.cli"}
        return
    if module == "rayal":
        assert ours == FRONT_DOORS
        return
    assert owner(module), f"{module} has no row in docs/structure.md's table: give it one"
    ours -= {"rayal"}  # its version
    assert not {name for name in ours if not allows(owner(module), name)}


@pytest.mark.parametrize("kind", COMPONENTS)
def test_ray_and_other_components_are_no_concern_of_a_component(kind: str) -> None:
    for path in (ROOT / kind.replace(".", "/")).rglob("*.py"):
        foreign = {name for name in imported(path) if name.startswith(COMPONENTS)}
        assert all(name.startswith(kind) for name in foreign), path


def test_ray_is_imported_in_two_folders_alone() -> None:
    users = {path for path in FILES if any(n.split(".")[0] == "ray" for n in imported(path))}
    folders = {module_of(path).rpartition(".")[0] for path in users}
    assert folders == {"rayal.run.ray", "rayal.distributed.on_ray"}


def test_there_are_no_junk_drawers() -> None:
    assert not {p.stem for p in FILES} & {"utils", "util", "helpers", "common", "misc"}


@pytest.mark.parametrize("registry", REGISTRIES, ids=lambda r: r.kind)
def test_a_component_stands_in_the_file_of_its_name(registry: Registry) -> None:
    elsewhere = {}
    for name in registry.names():
        module = registry.find(name).function.__module__
        if module.startswith("rayal.") and module != f"{registry.package}.{name}":
            elsewhere[name] = module
    assert set(elsewhere.values()) <= set(FAMILIES), "give it a file of its own, or say why not"


def test_no_exception_to_one_file_one_component_is_out_of_date() -> None:
    modules = {
        registry.find(name).function.__module__
        for registry in REGISTRIES
        for name in registry.names()
        if registry.find(name).function.__module__ != f"{registry.package}.{name}"
    }
    assert set(FAMILIES) <= modules


@pytest.mark.parametrize("kind", COMPONENTS)
def test_components_of_one_kind_do_not_import_one_another(kind: str) -> None:
    folder = ROOT / kind.replace(".", "/")
    names = {module_of(path) for path in folder.iterdir() if not path.name.startswith("_")}
    for path in folder.rglob("*.py"):
        others = {n for n in imported(path) if n in names} - {module_of(path)}
        assert not others, f"{path}: what components share lies in modules that begin with _"
