"""The sweep files of the papers' tables and figures: they plan, and they run at toy size."""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from rayal.events.bar import choose_display
from rayal.run import local
from rayal.storage.held_run import lock_run
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial
from rayal.sweep.entries import Entry, as_entry
from rayal.sweep.file import Sweep, load_sweep
from rayal.sweep.plan import Plan, make_plan
from rayal.sweep.schema import Cycles, Part, Resources, Share
from rayal.vision import networks
from tests.sweep.small_sweeps import FILES, plan_of_file

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
NAMES = (
    "hacon_table1", "hacon_table6", "hacon_table7_cifar10lt", "hacon_fig3_ablation",
    "hacon_fig5_maps", "hacon_fig6_cycles", "hacon_fig17_k", "hacon_fig7_diversity",
    "hacon_fig2_classes",
    "lowbudget_cifar10", "lowbudget_cifar100", "lowbudget_imagenet", "lowbudget_imagenet_lt",
    "lowbudget_finegrained", "lowbudget_fixmatch", "lowbudget_initial_pool", "lowbudget_backbones",
    "cbal_cifar10", "cbal_cifar100", "cbal_tiny_imagenet", "cbal_lambda",
    "msal_mnist", "msal_svhn", "msal_cifar10", "msal_cifar100", "msal_tiny_imagenet",
    "msal_imbalanced", "msal_ablation_beta_batch", "msal_ceal",
)  # fmt: skip


def path_of(name: str) -> Path:
    return ROOT / "sweeps" / f"{name}.yaml"


@pytest.mark.parametrize("name", NAMES)
def test_a_file_states_its_question_its_cost_and_what_to_expect(name: str) -> None:
    plan = plan_of_file(name)
    assert plan.sweep.name == name
    assert plan.sweep.question.endswith("?")
    assert plan.sweep.expect.endswith(".")
    assert plan.sweep.cost.startswith(f"{len(plan.trials):,} trials; about ")
    assert "GPU-hour" in plan.sweep.cost
    assert "estimate" in plan.sweep.cost


@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_a_file_names_paper_differences_and_the_arithmetic_of_the_cost(
    name: str,
) -> None:
    head = path_of(name).read_text().partition(f"\nname: {name}\n")[0]
    assert re.match(r"# (HaCon|CBAL|MSAL|Low-budget paper) \(.*\), (Table|Figure)", head)
    assert all(line.startswith("#") for line in head.splitlines())
    assert "# Known differences:" in head
    assert "# Cost: " in head
    assert re.search(r"[Pp]rint", head)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_has_logistic_as_a_second_learner_or_says_why_not(name: str) -> None:
    learners = {trial.learner.name for trial in plan_of_file(name).trials}
    says_why_not = "# No second learner: " in path_of(name).read_text()
    says_where = "# A second learner is reported, `logistic`: " in path_of(name).read_text()
    assert ("logistic" in learners) == says_where != says_why_not
    assert learners != {"logistic"}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem not in NAMES])
def test_a_sweep_that_is_no_table_of_a_paper_uses_logistic_or_says_why_not(path: Path) -> None:
    parts = load_sweep(path).parts.values()
    with_it = [part for part in parts if "logistic" in {entry.name for entry in part.learners}]
    reported = {str(entry) for part in with_it for entry in part.strategies}
    every = {str(entry) for part in parts for entry in part.strategies}
    assert (every != reported) == ("# Not with logistic regression: " in path.read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_experiments_gives_each_file_with_its_trials(name: str) -> None:
    page = (ROOT / "docs" / "experiments.md").read_text()
    [row] = [line for line in page.splitlines() if line.startswith(f"| `{name}.yaml` ")]
    _, _, question, trials, gpu_hours = row.strip("| ").split(" | ")
    sweep = plan_of_file(name).sweep
    assert question == " ".join(sweep.question.split())
    assert trials == f"{len(plan_of_file(name).trials):,}"
    assert float(gpu_hours) == sweep.hours.gpus


def labelled(name: str, dataset: str) -> set[int]:
    """How many images are labelled at the ends of rounds."""
    trials = [t for t in plan_of_file(name).trials if t.dataset_name == dataset]
    return {count for t in trials for count in t.schedule}


@pytest.mark.parametrize(
    ("name", "dataset", "counts"),
    [
        ("hacon_table1", "pathmnist", {449, 899}),
        ("hacon_table1", "organamnist", {172, 345}),
        ("hacon_table1", "bloodmnist", {59, 119}),
        ("hacon_table6", "pathmnist", {13, 26}),
        ("hacon_table6", "organamnist", {34, 69}),
        ("hacon_table6", "bloodmnist", {11, 23}),
        ("hacon_table6", "cifar10-lt100", {24, 37}),
        ("hacon_table7_cifar10lt", "cifar10-lt100", {124, 620, 1240, 2481, 3721, 4962}),
        ("hacon_fig6_cycles", "organamnist", {20, 30, 40, 50}),
        ("cbal_cifar10", "cifar10-step0.1-aside0.1", {5000, 7500, 10000, 12500, 15000}),
        ("msal_mnist", "mnist", {*range(500, 10501, 250), 60000}),
        ("msal_cifar10", "cifar10", {*range(1000, 41001, 500), 50000}),
    ],
)
def test_budgets_are_the_printed_ones(name: str, dataset: str, counts: set[int]) -> None:
    assert labelled(name, dataset) == counts


@pytest.mark.parametrize("name", ["hacon_table1", "hacon_table6", "hacon_table7_cifar10lt"])
def test_random_selection_has_a_hundred_seeds_where_the_paper_has(name: str) -> None:
    seeds = {t.seed for t in plan_of_file(name).trials if t.strategy.name == "random"}
    assert seeds == set(range(100))


Params = Mapping[str, Any]

MOCO = {
    "name": "moco", "backbone": "small_cnn", "epochs": 1, "warmup_epochs": 0, "batch_size": 32,
    "queue": 32, "projection": 8, "truth_epochs": 1,
}  # fmt: skip
NETWORK = {"backbone": "small_cnn", "epochs": 1, "least_steps": 1, "batch_size": 16}
LEARNERS: dict[str, Params] = {
    "linear": {"epochs": 2, "batch_size": 16},
    "knn": {},
    "logistic": {},
    "finetune": {"epochs": 1, "batch_size": 16},
    "scratch": {**NETWORK, "weights": None},
    "fixmatch": {"backbone": "small_cnn", "steps": 2, "batch_size": 4, "mu": 1},
}
IMBALANCES: dict[str, Params] = {"exponential": {"exponential": 2}, "step": {"step": 0.5}}
CLASSES = 4
# What changes how far a step goes and nothing else is left out, so that files share trials.
STEP_SIZES = {"lr", "momentum", "weight_decay", "gamma", "radius"}


class Toys:
    """A tiny dataset, tiny weights and a store that all files share: what is done is done."""

    def __init__(self, folder: Path, store: RunStore) -> None:
        self.folder = folder
        self.store = store
        rng = np.random.default_rng(0)
        arrays: dict[str, Any] = {}
        for split, count in (("train", 96), ("val", 16), ("test", 32)):
            labels = np.arange(count) % CLASSES
            noise = rng.integers(0, 128, (count, 8, 8, 3))
            arrays[f"{split}_images"] = (noise + 40 * labels[:, None, None, None]).astype(np.uint8)
            arrays[f"{split}_labels"] = labels
        np.savez(folder / "toy.npz", **arrays)
        torch.save(networks.backbone("small_cnn", "cifar", 3, 0).state_dict(), folder / "toy.pth")

    def sweep(self, sweep: Sweep) -> Sweep:
        """The same sweep with small data, networks and budgets, and one seed."""
        parts = {label: self._part(part) for label, part in sweep.parts.items()}
        one_core = Resources(pretrain=Share(cpus=1), trial=Share(cpus=1))
        return replace(sweep, parts=parts, resources=one_core)

    def _part(self, part: Part) -> Part:
        small: dict[str, Any] = {
            "datasets": _distinct(self._dataset(entry) for entry in part.datasets),
            "encoders": _distinct(self._encoder(entry) for entry in part.encoders),
            "strategies": _distinct(map(self._strategy, part.strategies)),
            "learners": _distinct(map(_learner, part.learners)),
            "initial": part.initial and _distinct(map(self._strategy, part.initial)),
            "budgets": part.budgets and [9],
            "cycles": part.cycles and Cycles(start=8, step=4, rounds=min(part.cycles.rounds, 3)),
            "seeds": 1,
        }
        return part.model_copy(update=small)

    def _dataset(self, entry: Entry) -> Entry:
        given: dict[str, Any] = {"name": "npz", "path": str(self.folder / "toy.npz")}
        if imbalance := entry.given.get("imbalance"):
            [shape] = IMBALANCES.keys() & imbalance.keys()
            aside = {"set_aside": 0.25} if "set_aside" in imbalance else {}
            given["imbalance"] = {**IMBALANCES[shape], **aside}
        return Entry(**given)

    def _encoder(self, entry: Entry) -> Entry:
        small: dict[str, Params] = {
            "moco": MOCO,
            "pixels": {"name": "pixels", **entry.given},
            "random": {"name": "random", "backbone": "small_cnn"},
            "checkpoint": {
                "name": "checkpoint", "weights": str(self.folder / "toy.pth"),
                "backbone": "small_cnn",
            },
        }  # fmt: skip
        return Entry(**small[entry.name])

    def _strategy(self, entry: Entry) -> Entry:
        given = entry.given
        if entry.name == "vaal":
            given["epochs"] = 1
        if isinstance(given.get("k"), int):
            given["k"] = min(given["k"], 20)
        if "select_on" in given:
            small = self._encoder(Entry.model_validate(as_entry(given["select_on"])))
            given["select_on"] = {"name": small.name, **small.given}
        if "scored_by" in given:
            scoring = _learner(Entry.model_validate(as_entry(given["scored_by"])))
            given["scored_by"] = {"name": scoring.name, **scoring.given}
        return Entry(name=entry.name, **given)


def _learner(entry: Entry) -> Entry:
    given = {name: value for name, value in entry.given.items() if name not in STEP_SIZES}
    return Entry(name=entry.name, **{**given, **LEARNERS[entry.name]})


def _distinct(entries: Iterable[Entry]) -> list[Entry]:
    kept: list[Entry] = []
    for entry in entries:
        if entry not in kept:
            kept.append(entry)
    return kept


def covering(plan: Plan) -> list[Trial]:
    """Few trials in which each component of the plan, and each pair to be told apart, occurs."""
    seen: set[tuple[str, ...]] = set()
    chosen = []
    for trial in plan.trials:
        facts = traits(trial)
        if not facts <= seen:
            chosen.append(trial)
            seen |= facts
    return chosen


def traits(trial: Trial) -> set[tuple[str, ...]]:
    strategy, learner = str(trial.strategy), str(trial.learner)
    return {
        ("strategy and learner", strategy, learner),
        ("initial", str(trial.initial), trial.scorer),
        ("dataset", trial.dataset_name),
        ("encoder", str(trial.encoder)),
    }


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toys]:
    folder = tmp_path_factory.mktemp("toys")
    with lock_run(folder / "run", "toys") as store:
        yield Toys(folder, store)


@pytest.mark.parametrize("name", NAMES)
def test_each_strategy_with_each_learner_of_a_file_runs_at_toy_size(name: str, toys: Toys) -> None:
    whole = plan_of_file(name).sweep
    plan = make_plan(toys.sweep(whole))
    wanted = covering(plan)
    todo = [t for t in wanted if t.id not in toys.store.finished()]
    said = io.StringIO()
    local.run(plan, todo, toys.store, choose_display(Console(file=said), total=len(todo), done=0))
    assert {t.id for t in wanted} <= toys.store.finished(), said.getvalue()
    ran = {(t.strategy.name, t.learner.name) for t in wanted}
    asked = {
        (strategy.name, learner.name)
        for part in whole.parts.values()
        for strategy in part.strategies
        for learner in part.learners
    }
    assert ran == asked
