"""Plans on images that may have several classes: what is refused, by name, and what is not."""

from pathlib import Path
from typing import Any

import pytest

from rayal.sweep.errors import SweepError
from rayal.sweep.file import load_sweep
from rayal.sweep.plan import make_plan
from tests.mosaics import digits_file
from tests.sweep.small_sweeps import CYCLES, plan_of, write

SMALL = {"train": 30, "test": 12}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = digits_file(tmp_path_factory.mktemp("mosaics") / "two.npz", SMALL)
    return {"datasets": [{"name": "npz", "path": str(path)}], "learners": ["logistic"]}


REFUSED = {
    "a learner": (
        {"learners": ["knn"]},
        r"learner 'knn' is defined for one class an image, and those of two have several: use one "
        r"that handles them \(linear, logistic\)",
    ),
    "a learner's parameter": (
        {"learners": [{"name": "linear", "prototypes": True}]},
        r"learner 'linear' with these parameters is defined for one class an image, and those of "
        r"two have several: leave out what restricts it, or use one that handles them \(logistic\)",
    ),
    "a strategy": (
        {**CYCLES, "strategies": ["bait"]},
        r"strategy 'bait' is defined for one class an image, .*entropy.*kmeans.*random",
    ),
    "what true labels balance": (
        {"strategies": [{"name": "kmeans", "label_balanced": True}]},
        "strategy 'kmeans' with these parameters is defined for one class an image",
    ),
    "predicted classes": (
        {**CYCLES, "strategies": [{"name": "margin", "pseudo_label_balanced": True}]},
        "strategy 'margin' with these parameters is defined for one class an image",
    ),
    "an encoder": (
        {"encoders": [{"name": "random", "truth_epochs": 3}]},
        r"encoder 'random' trains on the one class of an image \(truth_epochs\), and those of two",
    ),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_made_for_one_class_is_refused_by_name(
    tmp_path: Path, two: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(SweepError, match=message):
        plan_of(tmp_path, **{**two, **changes})


def test_an_imbalance_is_refused(tmp_path: Path, two: dict[str, Any]) -> None:
    [entry] = two["datasets"]
    imbalanced = {**entry, "imbalance": {"exponential": 10.0}}
    with pytest.raises(SweepError, match="imbalance shrinks classes of which an image has one"):
        plan_of(tmp_path, **{**two, "datasets": [imbalanced]})


def test_a_way_to_put_classes_together_is_refused_where_an_image_has_one(tmp_path: Path) -> None:
    strategies = [{"name": "margin", "over_classes": "maximum"}]
    with pytest.raises(SweepError, match=r"over_classes=maximum, and an image of digits has one"):
        plan_of(tmp_path, **CYCLES, strategies=strategies)


@pytest.mark.parametrize("measure", ["f1", "mean_average_precision"])
def test_a_measure_of_several_classes_needs_them(
    tmp_path: Path, two: dict[str, Any], measure: str
) -> None:
    with pytest.raises(SweepError, match=f"measure: {measure} is taken where an image may have"):
        plan_of(tmp_path, measure=measure)
    assert plan_of(tmp_path, **two, measure=measure).trials


def test_a_measure_of_one_class_is_refused_where_no_image_has_one(
    tmp_path: Path, two: dict[str, Any]
) -> None:
    with pytest.raises(SweepError, match="mean_class_accuracy is taken where an image has one"):
        plan_of(tmp_path, **two, measure="mean_class_accuracy")


def test_ids_are_those_without_the_parameter_at_its_default(
    tmp_path: Path, two: dict[str, Any]
) -> None:
    def ids(strategy: Any) -> list[str]:
        plan = plan_of(tmp_path, **{**two, **CYCLES, "strategies": [strategy]})
        return [trial.id for trial in plan.trials]

    assert ids("margin") == ids({"name": "margin", "over_classes": "mean"})
    assert ids("margin") != ids({"name": "margin", "over_classes": "maximum"})


def test_a_plan_says_that_images_have_several_classes(tmp_path: Path, two: dict[str, Any]) -> None:
    [data] = plan_of(tmp_path, **two).datasets.values()
    assert data.as_json()["multilabel"] is True
    assert sum(data.class_counts) > data.train


def test_chestmnist_can_be_planned_without_its_file_and_holds_what_it_may(tmp_path: Path) -> None:
    tree = {
        "name": "chest", "datasets": ["chestmnist"], "encoders": ["pixels"],
        "strategies": ["random"], "learners": ["knn"], "budgets": ["1%"], "seeds": 1,
    }  # fmt: skip
    with pytest.raises(SweepError, match=r"'knn' is defined for one class .* chestmnist"):
        make_plan(load_sweep(write(tmp_path, tree)), absent_data=True)
    plan = make_plan(
        load_sweep(write(tmp_path, {**tree, "learners": ["logistic"]})), absent_data=True
    )
    assert plan.trials[0].schedule == (784,)
