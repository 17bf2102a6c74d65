import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import yaml

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import Plan, make_plan

SWEEPS = sorted((Path(__file__).parent.parent.parent / "sweeps").glob("*.yaml"))

SMALL = {
    "name": "small",
    "datasets": ["digits"],
    "encoders": ["pixels"],
    "strategies": ["random", "kmeans"],
    "learners": ["linear"],
    "budgets": [10, 20],
    "seeds": {"random": 3, "default": 2},
}


def write(folder: Path, tree: object) -> Path:
    path = folder / "sweep.yaml"
    path.write_text(tree if isinstance(tree, str) else json.dumps(tree))  # JSON is YAML
    return path


def plan_of(folder: Path, **changes: object) -> Plan:
    tree = {key: value for key, value in {**SMALL, **changes}.items() if value is not None}
    return make_plan(load_sweep(write(folder, tree)))


def test_trials_are_the_product_of_the_lists_with_seeds_per_strategy(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    counted = {
        (t.strategy.name, t.schedule): sum(
            u.strategy == t.strategy and u.schedule == t.schedule for u in plan.trials
        )
        for t in plan.trials
    }
    assert counted == {
        ("random", (10,)): 3,
        ("random", (20,)): 3,
        ("kmeans", (10,)): 2,
        ("kmeans", (20,)): 2,
    }


def test_cycles_cross_initial_with_query_strategies(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        budgets=None,
        initial=["random", "k_center"],
        strategies=["entropy", "margin"],
        cycles={"start": 20, "step": 10, "rounds": 4},
        seeds=5,
    )
    assert len(plan.trials) == 2 * 2 * 5
    assert {t.schedule for t in plan.trials} == {(20, 30, 40, 50)}


def test_a_share_of_the_pool_is_rounded_down(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, budgets=["1%"], strategies=["random"], seeds=1)
    pool = plan.datasets["digits"].train
    assert plan.trials[0].schedule == (pool // 100,)


@pytest.mark.parametrize(("share", "images"), [("32.3%", 323), ("64.6%", 646), ("0.19%", 1)])
def test_a_share_that_is_a_whole_number_of_images_is_that_number(
    tmp_path: Path, share: str, images: int
) -> None:
    """1000 * 32.3 / 100 is 322.99999999999994 in binary."""
    labels = np.arange(1000) % 2
    arrays = {"images": np.zeros((1000, 1, 1), np.uint8), "labels": labels.astype(np.uint8)}
    parts = {f"{split}_{name}": a for split in ("train", "test") for name, a in arrays.items()}
    np.savez(tmp_path / "thousand.npz", **parts)
    data = {"name": "npz", "path": str(tmp_path / "thousand.npz")}
    plan = plan_of(tmp_path, datasets=[data], budgets=[share], strategies=["random"], seeds=1)
    assert plan.trials[0].schedule == (images,)


def test_later_rounds_may_grow_by_unequal_steps(tmp_path: Path) -> None:
    cycles = {"start": 10, "step": [10, "1%", 20], "rounds": 4}
    plan = plan_of(tmp_path, budgets=None, initial=["random"], cycles=cycles, seeds=1)
    assert {t.schedule for t in plan.trials} == {(10, 20, 32, 52)}


def test_ids_depend_on_what_determines_a_trial_and_on_nothing_else(tmp_path: Path) -> None:
    plain = {t.id for t in plan_of(tmp_path).trials}
    more = {t.id for t in plan_of(tmp_path, strategies=["k_center", "random", "kmeans"]).trials}
    assert plain < more
    written_out = [{"name": "random", "cover_classes": False}, "kmeans"]
    seeds = {"random": 3, "kmeans": 2}
    assert {t.id for t in plan_of(tmp_path, strategies=written_out, seeds=seeds).trials} == plain
    other_encoder = plan_of(tmp_path, encoders=[{"name": "pixels", "seed": 1}])
    assert not plain & {t.id for t in other_encoder.trials}


def test_a_list_of_seeds_asks_for_as_many_trainings_of_an_encoder(tmp_path: Path) -> None:
    listed = plan_of(tmp_path, encoders=[{"name": "pixels", "seed": [0, 1]}])
    apart = plan_of(tmp_path, encoders=["pixels", {"name": "pixels", "seed": 1}])
    assert [t.id for t in listed.trials] == [t.id for t in apart.trials]
    assert len(listed.embeddings) == 2


def test_trials_go_encoder_by_encoder_and_in_each_seed_by_seed(tmp_path: Path) -> None:
    """A sweep that is cut short has whole encoders, and of the next one every strategy alike."""
    encoders = [{"name": "pixels", "seed": [0, 1]}]
    learners = ["linear", "knn"]
    trials = plan_of(tmp_path, encoders=encoders, learners=learners, budgets=[10], seeds=2).trials
    order = [(t.encoder.params["seed"], t.seed, t.learner.name, t.strategy.name) for t in trials]
    assert order == list(product((0, 1), (0, 1), learners, ["random", "kmeans"]))


def test_the_same_trial_in_two_parts_is_run_once(tmp_path: Path) -> None:
    part = {"strategies": ["random"], "budgets": [10], "seeds": 2}
    ground = {"strategies": None, "budgets": None, "seeds": None}
    plan = plan_of(tmp_path, parts={"a": part, "b": part}, **ground)
    assert len(plan.trials) == 2


def test_a_part_inherits_the_top_level_and_replaces_its_shape(tmp_path: Path) -> None:
    cycles = {
        "initial": ["random"],
        "cycles": {"start": 10, "step": 5, "rounds": 2},
        "seeds": 1,
    }
    plan = plan_of(tmp_path, parts={"single": {}, "cycles": cycles})
    assert {len(t.schedule) for t in plan.trials} == {1, 2}


CYCLES = {
    "budgets": None, "cycles": {"start": 5, "step": 5, "rounds": 3}, "initial": ["random"],
}  # fmt: skip

REFUSED = [
    ({"nmae": "x"}, "unknown key 'nmae', did you mean 'name'"),
    ({"strategies": ["randm"]}, "no strategy named 'randm', did you mean 'random'"),
    ({"datasets": ["digit"]}, "no dataset named 'digit', did you mean 'digits'"),
    ({"encoders": ["mocco"]}, "no encoder named 'mocco', did you mean 'moco'"),
    ({"learners": ["liner"]}, "no learner named 'liner', did you mean 'linear'"),
    (
        {"strategies": [{"name": "kmeans", "normalise": True}]},
        "strategy 'kmeans' has no parameter 'normalise', did you mean 'normalize'",
    ),
    ({"strategies": [{"name": "kmeans", "normalize": "yes"}]}, "normalize='yes' is refused"),
    ({"budgets": [0]}, "0 images is out of bounds for digits: a budget is at least 1"),
    ({"budgets": [-5]}, "-5 images is out of bounds"),
    ({"budgets": [100_000]}, "at most its pool of"),
    ({"budgets": ["0.001%"]}, r"0 \('0.001%'\) images is out of bounds"),
    ({"budgets": ["ten"]}, "'ten' is neither a number of images nor a share"),
    ({"budgets": ["200%"]}, "'200%' is neither"),
    ({"budgets": [10.5]}, "budgets"),
    ({"budgets": []}, "budgets"),
    ({"budgets": None}, "has neither budgets and cycles|neither budgets nor cycles|neither"),
    ({"strategies": ["entropy"]}, "'entropy' needs predictions, and before the first label"),
    ({"strategies": ["hacon"]}, "'hacon' needs the dataset map, which encoder 'pixels'"),
    (
        {"strategies": [{"name": "hacon", "order": "hard_to_learn"}]},
        "needs the map by true labels, which encoder 'pixels' does not give: set the encoder's",
    ),
    ({"strategies": ["vaal"]}, "'vaal' needs labels, and before the first label there are none"),
    ({**CYCLES, "strategies": ["bald"]}, "needs dropout, which learner 'linear' does not give"),
    ({**CYCLES, "strategies": ["msal"]}, "set the learner's prototypes, such as {name: linear"),
    (
        {**CYCLES, "strategies": [{"name": "entropy", "diverse": {"beta": 2}}]},
        "'entropy' needs prototypes, which learner 'linear'",
    ),
    (
        {**CYCLES, "strategies": ["consistency"]},
        "needs views, which encoder 'pixels' does not give: set the encoder's views",
    ),
    (
        {
            **CYCLES,
            "strategies": [
                {"name": "margin", "pseudo_label_balanced": True, "diverse": {"beta": 2}}
            ],
        },
        "pseudo_label_balanced and diverse are different ways to choose",
    ),
    (
        {**CYCLES, "strategies": [{"name": "entropy", "class_balanced": {"lamda": 1}}]},
        "strategy 'entropy': class_balanced=.* is refused",
    ),
    ({"learners": ["finetune"]}, "'finetune' needs weights, which encoder 'pixels' does not give"),
    (
        {"learners": [{"name": "scratch", "early_stopping": 5}]},
        "learner 'scratch' watches the loss on a validation set .*, and digits has none",
    ),
    (
        {"learners": [{"name": "scratch", "weights": "absent.pth"}]},
        "learner 'scratch': weights=absent.pth: there is no such file",
    ),
    ({"strategies": ["set_aside"]}, "among images set aside, and digits sets none aside"),
    ({"strategies": ["random", "random"]}, "'random' is listed twice"),
    ({"seeds": 0}, "0 is out of bounds"),
    ({"seeds": {"random": 2}}, "say how many for kmeans, or give a default"),
    ({"seeds": {"rando": 2, "default": 1}}, "there is no strategy named 'rando', did you mean"),
    ({"seeds": "many"}, "seeds"),
    ({"initial": ["random"]}, "has initial and no cycles"),
    ({"cycles": {"start": 5, "step": 5, "rounds": 3}}, "both budgets and cycles"),
    ({"resources": {"trial": {"cpu": 1}}}, "unknown key 'resources.trial.cpu', did you mean"),
    ({"resources": {"trial": {"cpus": 0}}}, "resources.trial.cpus: 0 is refused"),
    ({"name": "../evil"}, "name: '../evil' is refused"),
    ({"name": 5}, "name: 5 is refused"),
    ({"encoders": [{"name": "pixels", "seed": -1}]}, "seed=-1"),
    ({"encoders": [{"name": "pixels", "seed": True}]}, "seed=True"),
    ({"encoders": [{"name": "pixels", "seed": []}]}, r"seed=\[\]"),
    ({"encoders": [{"name": "pixels", "seed": [1, 1]}]}, r"seed=\[1, 1\].* list of different"),
    ({"encoders": ["pixels", {"name": "pixels", "seed": [1, 0]}]}, "seed=0 is listed twice"),
    ({"datasets": [{"name": "npz"}]}, "dataset 'npz' needs the parameter 'path'"),
    ({"datasets": [{"name": "npz", "path": "no/such.npz"}]}, "no/such.npz"),
    (
        {"encoders": [{"name": "moco", "queue": 64, "epochs": 3}]},
        "encoder 'moco' on digits: warmup_epochs=5 must be below epochs=3",
    ),
    (
        {"encoders": [{"name": "moco"}]},
        "encoder 'moco' on digits: queue=65536 is more than the 1[0-9]+ images of an epoch",
    ),
    (
        {**CYCLES, "cycles": {"start": 5, "step": [5, 5, 5], "rounds": 3}},
        "3 steps are listed for rounds=3; list one for each round after the first, 2",
    ),
    ({"plugins": ["absent.py"]}, "absent.py is not a Python file"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


def test_a_tau_that_the_map_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"asks for tau=0.07.* has taus 0.2, 0.1"):
        plan_of(
            tmp_path,
            encoders=[{"name": "moco", "queue": 9}],
            strategies=[{"name": "hacon", "tau": 0.07}],
            seeds=1,
        )


TEXTS = [
    ("name: [", "no YAML"),
    ("- a\n- b\n", "no mapping"),
    ("a: &a [x, x]\nb: [*a, *a]\n", "aliases"),
    ("name: !!python/object/apply:os.system ['true']\n", "tag"),
    ("name: !custom x\n", "tag"),
    ("name: a\nname: b\n", "'name' is given twice"),
    ("\x00", "no YAML"),
    ("[" * 5000, "no YAML"),
    ("x: " + "y" * 1_100_000, "larger than"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=[m for _, m in TEXTS])
def test_yaml_that_is_not_plain_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        load_sweep(write(tmp_path, text))


def test_a_billion_laughs_is_refused_at_once(tmp_path: Path) -> None:
    lines = ["a0: &a0 lol"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 10)]
    with pytest.raises(SweepError, match="aliases"):
        load_sweep(write(tmp_path, "\n".join(lines)))


def test_a_missing_sweep_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match=r"absent\.yaml cannot be read: No such file"):
        load_sweep(tmp_path / "absent.yaml")


def test_set_changes_values_by_key_name_and_position(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    sweep = load_sweep(
        path,
        [
            "seeds.random=7",
            "strategies.kmeans.normalize=false",
            "budgets.0=5",
            "resources.trial.cpus=0.5",
        ],
    )
    part = sweep.parts["all"]
    assert part.seeds == {"random": 7, "default": 2}
    assert part.strategies[1].given == {"normalize": False}
    assert part.budgets == [5, 20]
    assert sweep.resources.trial.cpus == 0.5
    assert yaml.safe_load(sweep.as_yaml())["seeds"]["random"] == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seeds", "write it as key=value"),
        ("budgets.7=1", "no single entry '7'"),
        ("strategies.hacon.k=2", "no single entry 'hacon' in the list"),
        ("name.first=x", "'name' is a value"),
        ("seeds=[", "no plain YAML"),
        ("sedes=1", "unknown key 'sedes', did you mean 'seeds'"),
    ],
)
def test_a_wrong_set_is_refused(tmp_path: Path, override: str, message: str) -> None:
    with pytest.raises(SweepError, match=message):
        load_sweep(write(tmp_path, SMALL), [override])


def test_set_at_the_top_is_refused_where_parts_would_hide_it(tmp_path: Path) -> None:
    tree = {**SMALL, "parts": {"one": {"seeds": 4}}}
    with pytest.raises(SweepError, match=r"set parts\.one\.seeds"):
        load_sweep(write(tmp_path, tree), ["seeds=1"])


def test_the_resolved_sweep_plans_the_same_trials(tmp_path: Path) -> None:
    path = write(tmp_path, SMALL)
    sweep = load_sweep(path, ["seeds.random=1"])
    again = load_sweep(write(tmp_path, sweep.as_yaml()))
    assert [t.id for t in make_plan(sweep).trials] == [t.id for t in make_plan(again).trials]


@pytest.mark.parametrize("path", SWEEPS, ids=lambda p: p.stem)
def test_every_sweep_file_of_the_project_plans(path: Path) -> None:
    overrides = []
    if path.stem in ("blood_cpu", "blood_trainings"):
        pytest.importorskip("rayal.datasets.medmnist")
        overrides = ["datasets=[bloodmnist]"]
    plan = make_plan(load_sweep(path, overrides), absent_data=True)
    assert plan.sweep.question
    assert plan.sweep.cost.startswith(f"{len(plan.trials):,} trials")


def test_a_scorer_is_lent_to_first_queries_that_need_predictions_alone(tmp_path: Path) -> None:
    strategies = ["random", "entropy", "vaal"]
    with_scorer = plan_of(tmp_path, strategies=strategies, scorer="trained-on-test-set")
    lent = {t.strategy.name: t.scorer for t in with_scorer.trials}
    assert lent == {"random": "", "entropy": "trained-on-test-set", "vaal": "trained-on-test-set"}
    plain = plan_of(tmp_path, strategies=["random"])
    assert {t.id for t in plain.trials} <= {t.id for t in with_scorer.trials}


def test_trials_that_a_learner_takes_together_share_it_and_their_schedule(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        strategies=["random", "kmeans"], budgets=[10, 20], seeds=30,
        learners=["linear", {"name": "linear", "epochs": 5}, "knn"],
    )  # fmt: skip
    bundles = plan.bundles(plan.trials, slots=1)
    assert sorted(t.id for b in bundles for t in b) == sorted(t.id for t in plan.trials)
    for bundle in bundles:
        assert len({(t.learner.as_json()["params"].get("epochs"), t.schedule) for t in bundle}) == 1
    sizes = {
        name: {len(b) for b in bundles if b[0].learner.name == name} for name in ("linear", "knn")
    }
    assert sizes == {"linear": {30}, "knn": {1}}
    assert {len(b) for b in plan.bundles(plan.trials, slots=10)} == {1, 3}


def test_imbalances_of_one_absent_dataset_are_told_apart(tmp_path: Path) -> None:
    steps = [
        {"name": "cifar10", "root": str(tmp_path), "imbalance": {"step": s}} for s in (0.1, 0.3)
    ]
    sweep = load_sweep(write(tmp_path, {**SMALL, "datasets": steps}))
    plan = make_plan(sweep, absent_data=True)
    assert set(plan.datasets) == {"cifar10-step0.1", "cifar10-step0.3"}
    assert {facts.train for facts in plan.datasets.values()} == {27_500, 32_500}


def test_a_learner_of_images_makes_its_own_views(tmp_path: Path) -> None:
    scratch = {"name": "scratch", "epochs": 1}
    plan = plan_of(tmp_path, **CYCLES, strategies=["consistency"], learners=[scratch])
    assert plan.trials
    plain = [{**scratch, "augmentation": "none"}]
    with pytest.raises(SweepError, match="'consistency' needs views, which encoder 'pixels'"):
        plan_of(tmp_path, **CYCLES, strategies=["consistency"], learners=plain)
