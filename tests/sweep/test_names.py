"""Names of components: the same in the plan, the status, what trackers are told and the report."""

import io
import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

import analysis
from rayal.cli import run_status, status
from rayal.cli.printing import show_plan
from rayal.events.jsonl import JsonLinesLog
from rayal.events.outcome import Outcome
from rayal.storage.location import parse_location
from rayal.sweep.file import load_sweep
from rayal.sweep.names import Names, query_label, recipe, spell
from rayal.sweep.plan import Plan, make_plan
from tests import sweeps


def label(*params: Mapping[str, Any], kind: str = "strategy", default: tuple[str, ...] = ()) -> Any:
    """Labels of components that differ in these parameters alone."""
    definitions = [
        {"dataset_name": "d", kind: {"name": "x", "params": p, "at_default": list(default)}}
        for p in params
    ]
    names = Names(definitions)
    return [names.of(definition)[kind].label for definition in definitions]


def test_a_strategy_is_named_with_all_that_was_changed() -> None:
    assert label({"k": 3, "tau": 1.0}, default=("tau",)) == ["x k=3"]
    assert label({"k": 3, "tau": 1.0}, default=("k", "tau")) == ["x"]
    assert label({"taus": [0.1, 1.0], "on": True, "none": None}) == [
        "x taus=[0.1, 1] on=yes none=none"
    ]


@pytest.mark.parametrize("kind", ["encoder", "learner"])
def test_a_recipe_is_named_with_what_varies_alone(kind: str) -> None:
    assert label({"epochs": 3, "lr": 0.1}, kind=kind) == ["x"]
    both = label({"epochs": 3, "lr": 0.1, "flip": True}, {"epochs": 5, "lr": 0.1}, kind=kind)
    assert both == ["x epochs=3 flip=yes", "x epochs=5 flip=none"]


def test_values_of_the_only_number_that_varies_are_all_given() -> None:
    assert label({"k": 20}, {"k": 30}, default=("k",)) == ["x k=20", "x k=30"]


def test_numbers_that_differ_are_written_differently() -> None:
    assert spell(0.1 + 0.2) == "0.3"
    assert spell(0.12345678) != spell(0.12345679)
    assert (spell(1.0), spell(1e-05), spell((1, 0.5))) == ("1", "1e-05", "[1, 0.5]")


def test_where_defaults_are_not_marked_what_varies_is_all_that_is_given() -> None:
    plain = {"dataset_name": "d", "strategy": {"name": "x", "params": {"k": 3}}}
    assert Names([plain]).of(plain)["strategy"].label == "x"


def test_a_recipe_gives_all_that_was_changed() -> None:
    moco = {"name": "moco", "params": {"epochs": 3, "lr": 0.1, "taus": [0.2, 1.0]}}
    assert recipe({**moco, "at_default": ["lr"]}) == "moco (epochs=3, taus=[0.2, 1])"
    assert recipe({**moco, "at_default": ["epochs", "lr", "taus"]}) == "moco"


CYCLES = {"budgets": None, "cycles": {"start": 10, "step": 5, "rounds": 2}}
SWEEPS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "strategies": {
        "strategies": [
            "random",
            {"name": "random", "label_balanced": True},
            {"name": "kmeans", "restarts": 2, "normalize": False},
            {"name": "probcover", "delta": 0.25},
            {"name": "k_center", "class_balanced": None},
        ]
    },
    "one number": {"strategies": ["kmeans", {"name": "kmeans", "restarts": 7}]},
    "nested": {
        **CYCLES,
        "initial": ["random", {"name": "kmeans", "restarts": 2}],
        "strategies": ["entropy", {"name": "entropy", "class_balanced": {"lambda": 2}}],
    },
    "learners": {"learners": ["linear", {"name": "linear", "milestones": [3, 5], "lr": 0.5}]},
    "one changed learner": {"learners": [{"name": "linear", "milestones": [3, 5], "lr": 0.5}]},
    "encoders": {"encoders": [{"name": "pixels", "seed": [0, 3]}]},
    "tuples": {
        "encoders": [
            {"name": "moco", "queue": 64, "batch_size": 64, "taus": [0.05, 1]},
            {"name": "moco", "queue": 64, "batch_size": 64, "crop_scale": [0.2, 1.0]},
        ],
        "strategies": ["random", {"name": "hacon", "k": 5}],
    },
}


def planned(folder: Path, changes: Mapping[str, Any]) -> Plan:
    tree = {**sweeps.SMALL, "budgets": [10], "seeds": 1, **changes}
    path = folder / "sweep.yaml"
    path.write_text(json.dumps({key: value for key, value in tree.items() if value is not None}))
    return make_plan(load_sweep(path))


def test_a_name_with_brackets_is_printed_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "[bold]blood"
    folder.mkdir()
    images, labels = np.zeros((20, 4, 4), np.uint8), np.arange(20, dtype=np.uint8) % 2
    images[:, 0, 0] = np.arange(20)
    splits = {"train": (images, labels), "test": (images + 1, labels)}
    arrays = {f"{k}_images": i for k, (i, _) in splits.items()}
    np.savez(folder / "[red]x.npz", **arrays, **{f"{k}_labels": a for k, (_, a) in splits.items()})
    data = {"name": "npz", "path": str(folder / "[red]x.npz")}
    plan = planned(tmp_path, {"datasets": [data], "budgets": [4]})
    write_run(plan, tmp_path / "run")
    console = Console(file=io.StringIO(), width=400)
    show_plan(console, plan, parse_location(str(tmp_path / "none")))
    status.show(console, run_status.read(parse_location(str(tmp_path / "run"))))
    assert isinstance(console.file, io.StringIO)
    [name] = plan.datasets
    rows = [line for line in console.file.getvalue().splitlines() if line.startswith("│")]
    assert "[red]" in name
    assert sum(name in row for row in rows) == 3


def write_run(plan: Plan, root: Path) -> None:
    """A run of this plan in which every trial is done; what was measured does not matter."""
    (root / "records").mkdir(parents=True)
    (root / "plan.json").write_text(json.dumps({"schema": 1, **plan.as_json("", {})}))
    classes = {name: len(info.classes) for name, info in plan.datasets.items()}
    for trial in plan.trials:
        rounds = [
            {
                "round": n, "budget": labelled - before, "labelled": labelled, "selected": [],
                "class_counts": [0] * classes[trial.dataset_name],
                "auc_missing_classes": [], "auc": 0.5, "select_seconds": 0.0, "train_seconds": 0.0,
            }
            for n, (before, labelled) in enumerate(pairwise((0, *trial.schedule)))
        ]  # fmt: skip
        record = {
            "schema": 1, "trial": trial.id, "definition": trial.definition(), "rounds": rounds,
            "versions": {}, "host": "", "seconds": 0.0,
        }  # fmt: skip
        (root / "records" / f"{trial.id}.json").write_text(json.dumps(record))


@pytest.mark.parametrize("changes", SWEEPS.values(), ids=SWEEPS)
def test_plan_status_and_report_give_a_component_one_name(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    plan = planned(tmp_path, changes)
    root = tmp_path / "run"
    write_run(plan, root)
    names = [(plan.names(trial), trial.schedule) for trial in plan.trials]

    console = Console(file=io.StringIO(), width=400)
    show_plan(console, plan, parse_location(str(tmp_path / "none")))
    assert isinstance(console.file, io.StringIO)
    lines = [set(map(str.strip, line.split("│"))) for line in console.file.getvalue().splitlines()]
    for named, _ in names:
        kinds = ("encoder", "learner", "strategy")
        assert any({named[kind].label for kind in kinds} <= line for line in lines)

    read = run_status.read(parse_location(str(root)))
    assert set(read.strategies) == {query_label(*name) for name in names}
    assert {stage.encoder for stage in read.stages} == {n["encoder"].label for n, _ in names}

    log = JsonLinesLog(root)
    log.names = plan.names
    for trial in plan.trials:
        log.trial_ended(trial, Outcome(trial.id, "ValueError: x"))
    logged = [json.loads(line) for line in (root / "log.jsonl").read_text().splitlines()]
    for kind in ("encoder", "learner", "strategy"):
        assert [line[kind] for line in logged] == [n[kind].label for n, _ in names]

    frame = analysis.load(root)
    for kind in ("encoder", "initial", "strategy", "learner"):
        assert set(frame[f"{kind}_label"]) == {n[kind].label for n, _ in names}


def test_what_is_stated_alike_and_is_of_another_content_is_told_apart_by_it() -> None:
    def labels(*contents: tuple[str, Mapping[str, Any]]) -> list[str]:
        definitions = [
            {"dataset_name": "d", "encoder": {"name": "x", "params": {"path": path}, **own}}
            for path, own in contents
        ]
        names = Names(definitions)
        return [names.of(definition)["encoder"].label for definition in definitions]

    old, new = {"files": {"path": "a" * 64}}, {"files": {"path": "b" * 64}}
    assert labels(("w.pt", old), ("w.pt", new)) == ["x path=aaaaaaaa", "x path=bbbbbbbb"]
    assert labels(("v.pt", old), ("w.pt", new)) == ["x path=v.pt", "x path=w.pt"]
    assert labels(("w.pt", {}), ("w.pt", {"source": "c" * 64})) == [
        "x source=unknown", "x source=cccccccc",
    ]  # fmt: skip
    assert labels(("w.pt", new)) == ["x"]
