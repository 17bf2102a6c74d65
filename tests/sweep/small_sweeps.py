"""A small sweep for the tests of the plan, and the plans of the project's own files."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan
from rayal.sweep.yaml import dump

FILES = sorted((Path(__file__).parent.parent.parent / "sweeps").glob("*.yaml"))
OF_A_FILE = {
    "blood_cpu", "blood_trainings", "evidence_blood", "evidence_scans", "evidence_cifar10_lt",
    "hacon_fig1_cpu", "hacon_fig6_blood_cpu", "hacon_map_views", "hacon_training_length",
    "cbal_cpu",
}  # fmt: skip

SMALL: dict[str, Any] = {
    "name": "small",
    "datasets": ["digits"],
    "encoders": ["pixels"],
    "strategies": ["random", "kmeans"],
    "learners": ["linear"],
    "budgets": [10, 20],
    "seeds": {"random": 3, "default": 2},
}
CYCLES: dict[str, Any] = {
    "budgets": None, "cycles": {"start": 5, "step": 5, "rounds": 3}, "initial": ["random"],
}  # fmt: skip


def write(folder: Path, tree: Mapping[str, Any] | str) -> Path:
    """Write a sweep file: text as it is, anything else as YAML."""
    path = folder / "sweep.yaml"
    path.write_text(tree if isinstance(tree, str) else dump(tree))
    return path


def plan_of(folder: Path, **changes: object) -> Plan:
    """Plan the small sweep with changes; None removes a key."""
    tree = {key: value for key, value in {**SMALL, **changes}.items() if value is not None}
    return make_plan(load_sweep(write(folder, tree)))


@cache
def plan_of_file(name: str) -> Plan:
    """Plan a file of the project, once for all tests; its data may be absent."""
    [path] = [path for path in FILES if path.stem == name]
    # These ask for a file of the user's own.
    overrides = ["datasets=[bloodmnist]"] if name in OF_A_FILE else []
    return make_plan(load_sweep(path, overrides), absent_data=True)
