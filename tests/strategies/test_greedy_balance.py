"""The class-balanced form of strategies that choose one image after another (CBAL, 4.2)."""

from pathlib import Path

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions
from rayal.registry import STRATEGIES
from rayal.sweep.errors import SweepError
from tests.sweep.small_sweeps import CYCLES, plan_of

GREEDY = ["badge", "k_center", "maxherding", "typiclust"]


def unequal() -> tuple[Pool, np.ndarray]:
    """A rare class of 12 among 120, known to the learner without doubt."""
    draw = np.random.default_rng(0)
    truth = np.repeat([0, 1], [108, 12])
    features = draw.normal(size=(120, 4)).astype(np.float32)
    probs = np.full((120, 2), 0.02, dtype=np.float32)
    probs[np.arange(120), truth] = 0.98
    labels = np.full(120, UNLABELED)
    labels[:4] = 0
    predictions = Predictions(probs[:0], lambda: probs, penultimate_features=lambda: features)
    return Pool(features, labels, 2, predictions=predictions), truth


def chosen(name: str, **given: object) -> np.ndarray:
    pool, truth = unequal()
    function = STRATEGIES.find(name).function
    return truth[function(pool, 12, np.random.default_rng(1), **given)]


@pytest.mark.parametrize("name", GREEDY)
def test_what_the_rare_class_lacks_outweighs_the_gain(name: str) -> None:
    rare = [int(chosen(name, **given).sum()) for given in (
        {}, {"class_balanced": {"lambda": 1000.0}})]  # fmt: skip
    assert rare[0] <= 4
    # Of 16 labels after the query, 4 of them of the frequent class: 8 of each are an equal share.
    assert rare[1] == 8 if name != "typiclust" else rare[1] > rare[0]


@pytest.mark.parametrize("name", GREEDY)
def test_lambda_is_divided_by_the_number_of_classes_unless_it_should_not_be(name: str) -> None:
    one = chosen(name, class_balanced={"lambda": 0.5})
    other = chosen(name, class_balanced={"lambda": 0.25, "divided_by_classes": False})
    assert np.array_equal(one, other)


@pytest.mark.parametrize("name", GREEDY)
def test_it_reads_predictions_where_it_is_asked_for(name: str) -> None:
    component = STRATEGIES.find(name)
    asked = component.bind({"class_balanced": {"lambda": 1.0}})
    assert "predictions" in component.traits.needs(asked)
    if name != "badge":
        assert "predictions" not in component.traits.needs(component.bind({}))


@pytest.mark.parametrize("name", ["badge", "maxherding", "typiclust"])
def test_trials_without_it_keep_their_ids(name: str) -> None:
    assert "class_balanced" not in STRATEGIES.find(name).bind({})


def test_beside_collapse_it_is_refused(tmp_path: Path) -> None:
    both = {"name": "typiclust", "collapse": 0.98, "class_balanced": {"lambda": 1.0}}
    with pytest.raises(SweepError, match="class_balanced and collapse are different ways"):
        plan_of(tmp_path, **{**CYCLES, "strategies": [both]})
