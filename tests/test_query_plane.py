"""Where the images of a query lie for the learner that it was made by."""

from dataclasses import replace

import numpy as np
import pytest

from rayal.contracts import UNLABELED, Pool, Predictions, TrialData
from rayal.trial.query_plane import query_plane
from tests import small_trials
from tests.small_trials import run, trial, without_seconds


@pytest.fixture(scope="module")
def data() -> TrialData:
    return small_trials.data()


def pool(images: int = 80, labeled: int = 20) -> Pool:
    """Two groups far apart for the last layer, without a difference in the features."""
    labels = np.full(images, UNLABELED)
    labels[:labeled] = 0
    hidden = np.random.default_rng(0).normal(size=(images, 6)).astype(np.float32)
    hidden[1::2] += 40
    probs = np.full((images, 2), 0.5, np.float32)
    predictions = Predictions(
        test=probs, predict_pool=lambda: probs, penultimate_features=lambda: hidden
    )
    return Pool(np.zeros((images, 3), np.float32), labels, 2, predictions=predictions)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_the_plane_is_of_what_the_last_layer_sees_of_images_without_a_label() -> None:
    plane = query_plane(pool(), np.array([30, 41]), 50, rng())["query_plane"]
    index = np.array(plane["index"])
    assert len(set(index)) == 50 == len(plane["x"]) == len(plane["y"])
    assert {30, 41} <= set(index)
    assert index.min() >= 20
    points = np.stack([plane["x"], plane["y"]], axis=1)
    odd = index % 2 == 1
    between = np.linalg.norm(points[odd].mean(axis=0) - points[~odd].mean(axis=0))
    assert between > 2 * np.linalg.norm(points[odd] - points[odd].mean(axis=0), axis=1).mean()


def test_of_many_chosen_images_half_the_plane_is_drawn() -> None:
    chosen = np.arange(20, 70)
    plane = query_plane(pool(), chosen, 16, rng())["query_plane"]
    assert len(plane["index"]) == 16
    assert np.isin(plane["index"], chosen).sum() == 8


def test_a_learner_without_a_hidden_layer_and_a_pool_that_is_used_up_have_no_plane() -> None:
    here = pool()
    assert here.predictions is not None
    flat = replace(here, predictions=replace(here.predictions, penultimate_features=None))
    assert query_plane(flat, np.array([30]), 50, rng()) == {}
    assert query_plane(pool(30, labeled=25), np.array([27]), 50, rng()) == {}


def test_planes_are_recorded_on_request_and_change_nothing_else(data: TrialData) -> None:
    plain = trial("random", "entropy", (6, 12, 20))
    rows = run(replace(plain, record_embeddings=20), data)
    assert ["query_plane" in row for row in rows] == [False, True, True]
    for row in rows[1:]:
        plane = row.pop("query_plane")
        assert set(row["selected"]) <= set(plane["index"])
    assert without_seconds(rows) == without_seconds(run(plain, data))
