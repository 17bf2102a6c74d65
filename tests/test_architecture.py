"""The imports of the project, held against the table that documents them."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# module or package -> what of this project it may import. docs/structure.md shows the same.
MAY_IMPORT = {
    "rayal.registry": set(),
    "rayal.seeds": set(),
    "rayal.metrics": set(),
    "rayal.signals": set(),
    "rayal.allocation": set(),
    "rayal.torchvision_cpu": set(),
    "rayal.kernels": set(),
    "rayal.contracts": {"rayal.kernels", "rayal.registry"},
    "rayal.scores": {"rayal.contracts", "rayal.kernels"},
    "rayal.guide": {"rayal.contracts", "rayal.registry"},
    "rayal.vision": {"rayal.torchvision_cpu"},
    "rayal.datasets": {"rayal.contracts", "rayal.kernels", "rayal.seeds", "rayal.torchvision_cpu"},
    "rayal.encoders": {
        "rayal.contracts", "rayal.kernels", "rayal.seeds", "rayal.torchvision_cpu", "rayal.vision",
    },
    "rayal.strategies": {"rayal.contracts", "rayal.kernels", "rayal.scores", "rayal.seeds"},
    "rayal.learners": {"rayal.contracts", "rayal.kernels", "rayal.seeds", "rayal.vision"},
    "rayal.config": {"rayal.registry"},
    "rayal.plan": {"rayal.config", "rayal.contracts", "rayal.kernels", "rayal.registry"},
    "rayal.files": set(),
    "rayal.lease": {"rayal.files"},
    "rayal.object_store": {"rayal.files", "rayal.lease"},
    "rayal.store": {"rayal.contracts", "rayal.files", "rayal.object_store"},
    "rayal.trial": {
        "rayal.contracts", "rayal.metrics", "rayal.plan", "rayal.registry", "rayal.seeds",
    },
    "rayal.front_door": {"rayal.contracts", "rayal.registry", "rayal.seeds", "rayal.trial"},
    "rayal.work": {
        "rayal.allocation", "rayal.contracts", "rayal.plan", "rayal.registry", "rayal.seeds",
        "rayal.store", "rayal.trial",
    },
    "rayal.progress": {"rayal.plan", "rayal.work"},
    "rayal.local": {"rayal.plan", "rayal.progress", "rayal.store", "rayal.work"},
    "rayal.work_queue": {"rayal.plan", "rayal.progress", "rayal.store", "rayal.work"},
    "rayal.cluster": {
        "rayal.files", "rayal.config", "rayal.local", "rayal.plan", "rayal.progress",
        "rayal.registry", "rayal.signals", "rayal.store", "rayal.trial", "rayal.work",
        "rayal.work_queue",
    },
    "rayal.status": {"rayal.files", "rayal.store"},
    "rayal.watch": {
        "rayal.files", "rayal.plan", "rayal.progress", "rayal.registry", "rayal.store",
        "rayal.work",
    },
    "rayal.trackers": {
        "rayal.files", "rayal.config", "rayal.plan", "rayal.store", "rayal.watch", "rayal.work",
    },
    "rayal.map_files": {"rayal.files", "rayal.contracts", "rayal.store", "analysis"},
    "rayal.encode": {
        "rayal.allocation", "rayal.files", "rayal.config", "rayal.contracts", "rayal.display",
        "rayal.encoders", "rayal.map_files",
        "rayal.plan", "rayal.progress", "rayal.registry", "rayal.signals", "rayal.store",
        "rayal.work",
    },
    "rayal.bill": {"rayal.config"},
    "rayal.display": {
        "rayal.bill", "rayal.files", "rayal.plan", "rayal.registry", "rayal.store", "analysis",
    },
    "rayal.sweep": {
        "rayal.files", "rayal.cluster", "rayal.config", "rayal.display", "rayal.local",
        "rayal.plan",
        "rayal.progress", "rayal.registry", "rayal.signals", "rayal.store", "rayal.trackers",
        "rayal.watch", "rayal.work", "analysis",
    },
    "rayal": {"rayal.front_door"},
    "analysis": {"rayal.contracts", "rayal.files", "rayal.store"},
}  # fmt: skip
PACKAGES = (
    "rayal.datasets", "rayal.encoders", "rayal.kernels", "rayal.strategies", "rayal.learners",
    "rayal.trackers", "rayal.vision", "rayal.watch", "analysis",
)  # fmt: skip
FILES = sorted([*(ROOT / "rayal").rglob("*.py"), *(ROOT / "analysis").rglob("*.py")])


def owner(module: str) -> str:
    """The row of the table that a module falls under."""
    for package in PACKAGES:
        if module == package or module.startswith(package + "."):
            return package
    return ".".join(module.split(".")[:2])


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= deeper if node.module == "rayal" else {node.module}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    mine = owner(module)
    assert mine in MAY_IMPORT, f"{module} has no row in the table: give it one, and docs too"
    ours = {owner(name) for name in imported(path) if name.split(".")[0] in ("rayal", "analysis")}
    assert ours - {mine} <= MAY_IMPORT[mine]


def test_ray_is_imported_in_one_file_alone() -> None:
    users = {
        path.name for path in FILES if any(name.split(".")[0] == "ray" for name in imported(path))
    }
    assert users == {"cluster.py"}


def test_there_are_no_junk_drawers() -> None:
    assert not {p.stem for p in FILES} & {"utils", "util", "helpers", "common", "misc"}
