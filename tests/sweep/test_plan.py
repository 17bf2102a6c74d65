"""From a sweep to its trials."""

from itertools import product
from pathlib import Path

import pytest

from rayal.contracts import Dataset
from rayal.sweep import dataset_info
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.errors import SweepError
from tests.sweep.small_sweeps import CYCLES, FILES, plan_of, plan_of_file

REFUSED = [
    ({"seeds": 0}, "0 is out of bounds"),
    ({"seeds": {"random": 2}}, "say how many for kmeans, or give a default"),
    ({"seeds": {"rando": 2, "default": 1}}, "there is no strategy named 'rando', did you mean"),
    ({"initial": ["random"]}, "has initial and no cycles"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED, ids=[str(c)[:60] for c, _ in REFUSED])
def test_a_wrong_sweep_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **changes)


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


@pytest.mark.parametrize("name", [path.stem for path in FILES])
def test_every_sweep_file_of_the_project_plans(name: str) -> None:
    plan = plan_of_file(name)
    assert plan.sweep.question
    assert plan.sweep.cost.startswith(f"{len(plan.trials):,} trials")


def test_a_scorer_is_lent_to_first_queries_that_need_predictions_alone(tmp_path: Path) -> None:
    strategies = ["random", "entropy", "vaal"]
    with_scorer = plan_of(tmp_path, strategies=strategies, scorer="trained-on-test-set")
    lent = {t.strategy.name: t.scorer for t in with_scorer.trials}
    assert lent == {"random": "", "entropy": "trained-on-test-set", "vaal": "trained-on-test-set"}
    plain = plan_of(tmp_path, strategies=["random"])
    assert {t.id for t in plain.trials} <= {t.id for t in with_scorer.trials}


def test_losses_are_recorded_for_all_trials_of_a_sweep_that_asks_under_the_same_ids(
    tmp_path: Path,
) -> None:
    plain, asked = plan_of(tmp_path), plan_of(tmp_path, record_losses=True)
    assert [t.id for t in asked.trials] == [t.id for t in plain.trials]
    assert {t.record_losses for t in asked.trials} == {True}
    assert {t.record_losses for t in plain.trials} == {False}


def test_planes_are_recorded_for_the_first_seed_alone_under_the_same_ids(tmp_path: Path) -> None:
    plain, asked = plan_of(tmp_path), plan_of(tmp_path, record_embeddings=500)
    assert [t.id for t in asked.trials] == [t.id for t in plain.trials]
    assert {(t.seed == 0, t.record_embeddings) for t in asked.trials} == {(True, 500), (False, 0)}


@pytest.mark.parametrize("images", [5, 2001, -1])
def test_a_plane_of_too_few_or_too_many_images_is_refused(tmp_path: Path, images: int) -> None:
    with pytest.raises(SweepError, match=r"record_embeddings.*from 10 to 2,000 images, or 0"):
        plan_of(tmp_path, record_embeddings=images)


def test_all_mistakes_of_a_plan_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SweepError) as refused:
        plan_of(
            tmp_path,
            strategies=["entropy", "hacon", "random"], budgets=[0, 5, 100_000],
            learners=["finetune"], seeds={"random": 0, "rando": 1, "default": 1},
        )  # fmt: skip
    head, *told = str(refused.value).splitlines()
    assert head == "sweep 'small': 7 mistakes:"
    for word in ("seeds: random: 0", "'rando'", "'entropy' needs", "'hacon' needs", "'finetune'",
                 ": 0 images", "100000 images"):  # fmt: skip
        assert sum(word in line for line in told) == 1, (word, told)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 100_000}, "400,000 trials, more than the 200,000"),
        (
            {**CYCLES, "cycles": {"start": 1, "step": 1, "rounds": 1200}, "seeds": 10_000},
            "24,000,000 rounds in all, more than",
        ),
        ({**CYCLES, "cycles": {"start": 1, "step": 1, "rounds": 5000}}, "5,000 rounds of at least"),
        ({"encoders": [{"name": "pixels", "seed": list(range(25_000))}]}, "250,000 trials"),
    ],
    ids=["seeds", "rounds", "rounds of a pool", "encoders"],
)
def test_a_plan_that_fits_no_memory_is_refused(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **{**changes})


def test_a_dataset_is_loaded_once_for_all_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []

    def counted(data: Dataset) -> DatasetInfo:
        loads.append(data.name)
        return of(data)

    of = dataset_info.dataset_info
    monkeypatch.setattr(dataset_info, "dataset_info", counted)
    parts = {"one": {"budgets": [5]}, "two": {"budgets": [6]}}
    assert len(plan_of(tmp_path, parts=parts, budgets=None).trials) == 10
    assert loads == ["digits"]
