import numpy as np
import pytest

from rayal.contracts import Pool, Predictions, Task

PROBS = np.full((4, 2), 0.5, dtype=np.float32)
FEATURES = np.ones((4, 3), dtype=np.float32)
PREDICTIONS = Predictions(
    PROBS[:1],
    lambda: PROBS,
    mc_dropout=lambda T, rng: iter([PROBS] * T),
    predict_views=lambda: iter([PROBS]),
    penultimate_features=lambda: FEATURES,
    prototype_outputs=lambda: PROBS[:, :1],
)
POOL = Pool(
    FEATURES,
    np.array([-1, 0, -1, 1]),
    2,
    true_labels=np.array([0, 0, 1, 1]),
    predictions=PREDICTIONS,
    initial_pool=np.array([2]),
)
NAMES = {
    "unlabelled": "unlabeled",
    "labelled": "labeled",
    "truth": "true_labels",
    "hidden": "penultimate_features",
    "projected": "prototype_outputs",
    "first": "first_predicted",
    "reserved": "initial_pool",
}


@pytest.mark.parametrize(("former", "name"), NAMES.items())
def test_a_pool_is_read_by_its_former_names(former: str, name: str) -> None:
    assert getattr(POOL, former) is getattr(POOL, name)


def test_passes_are_asked_for_by_their_former_names() -> None:
    assert len(list(POOL.dropout_passes(3, np.random.default_rng(0)))) == 3
    assert len(list(POOL.view_passes())) == 1


def test_a_task_is_read_by_its_former_names() -> None:
    task = Task(FEATURES, FEATURES, POOL.labels, 2, previous_predictions=PREDICTIONS)
    assert task.labeled.tolist() == [1, 3]
    assert task.earlier is PREDICTIONS
