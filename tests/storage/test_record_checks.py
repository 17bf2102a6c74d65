"""A record that was edited counts for nothing, however well it can be read."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.storage.damaged_records import set_aside_damaged_records
from rayal.storage.files import DamagedError
from rayal.storage.formats import parse_record
from rayal.storage.record_checks import contradiction, misfit_of_rounds
from rayal.storage.run import RunStore

LABELS = np.array([0, 1, 0, 1, 2, 2, 1, 0])
SCHEDULE = [2, 4]
Rounds = list[dict[str, Any]]


def rounds() -> Rounds:
    measures = {
        "auc": 0.9, "accuracy": 0.5, "mean_class_accuracy": 0.4, "pool_error": 0.5,
        "coverage": 0.7, "class_entropy": 0.6, "l1_score": 0.2, "auc_missing_classes": [],
        "select_seconds": 0.1, "train_seconds": 0.2,
    }  # fmt: skip
    return [
        {"round": 0, "budget": 2, "labelled": 2, "selected": [0, 1], "class_counts": [1, 1, 0]}
        | measures,
        {"round": 1, "budget": 2, "labelled": 4, "selected": [4, 3], "class_counts": [1, 2, 1]}
        | measures,
    ]


def put(number: int, **changes: Any) -> Callable[[Rounds], Rounds]:
    def change(given: Rounds) -> Rounds:
        given[number] |= changes
        return given

    return change


EDITED: dict[str, tuple[Callable[[Rounds], Rounds], str]] = {
    "rounds in another order": (lambda r: r[::-1], "numbered 1"),
    "a round twice": (lambda r: [r[0], r[0]], "numbered 0"),
    "a share above one": (put(0, accuracy=1.7), "accuracy is 1.7, outside 0 to 1"),
    "a share below zero": (put(1, auc=-0.2), "auc is -0.2"),
    "text for a number": (put(0, pool_error="0.5"), "pool_error is no number"),
    "true for a number": (put(0, accuracy=True), "accuracy is no number"),
    "another number of labels": (put(0, labelled=3), "labelled is 3, and its trial has 2"),
    "another budget": (put(1, budget=9), "budget is 9, and its trial has 2"),
    "a negative position": (put(0, selected=[-1, 0]), "selected is no list of whole numbers"),
    "positions as text": (put(0, selected=["0", "1"]), "selected is no list of whole numbers"),
    "counts as text": (put(0, class_counts="11"), "class_counts is no list of whole numbers"),
    "warnings as text": (put(0, warnings="x"), "warnings are no list of texts"),
}


def test_rounds_as_a_trial_makes_them_fit() -> None:
    assert misfit_of_rounds(rounds(), SCHEDULE) == ""
    assert misfit_of_rounds(rounds()[:1], SCHEDULE) == ""  # in progress
    assert contradiction(rounds(), LABELS) == ""


@pytest.mark.parametrize("what", EDITED)
def test_rounds_that_do_not_fit_together_are_named(what: str) -> None:
    change, message = EDITED[what]
    content = json.dumps(
        {"trial": "a", "definition": {"schedule": SCHEDULE}, "rounds": change(rounds())}
    )
    with pytest.raises(DamagedError, match=message):
        parse_record(Path("a.json"), content.encode(), "a", {"schedule": SCHEDULE})


CONTRADICTIONS: dict[str, tuple[Callable[[Rounds], Rounds], str]] = {
    "an image less": (put(0, selected=[0]), "1 images are chosen of 2"),
    "an image twice": (put(0, selected=[1, 1]), "an image is chosen twice"),
    "an image of the round before": (put(1, selected=[1, 3]), "an image is chosen twice"),
    "another image": (put(1, selected=[2, 3]), "are of other classes than are counted"),
    "an image beyond the pool": (put(0, selected=[0, 99]), "image 99 of 8 is chosen"),
    "other counts": (put(0, class_counts=[2, 0, 0]), "are of other classes than are counted"),
    "not a number": (put(0, accuracy=math.nan), "accuracy is nan"),
    "infinity": (put(0, auc=math.inf), "auc is inf"),
    "more than a float holds": (put(0, train_seconds=10**400), "train_seconds is 1000"),
    "nothing": (put(1, auc=None), "auc is None"),
}


@pytest.mark.parametrize("what", CONTRADICTIONS)
def test_rounds_that_the_data_contradict_are_named(what: str) -> None:
    change, message = CONTRADICTIONS[what]
    assert message in contradiction(change(rounds()), LABELS)


def test_measures_that_are_undefined_in_truth_stay() -> None:
    undefined = put(1, auc=math.nan, pool_error=math.nan)(rounds())
    assert contradiction(undefined, LABELS) == ""


def test_of_labels_that_nobody_knows_no_count_is_held_against_them() -> None:
    labels = np.where(LABELS == 2, -1, LABELS)
    assert contradiction(put(1, class_counts=[9, 9, 9])(rounds()), labels) == ""


def test_an_edited_record_is_set_aside_and_its_trial_runs_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    (tmp_path / "records").mkdir()
    definition = {"schedule": SCHEDULE, "dataset_name": "mine"}
    record = {"trial": "a", "definition": definition, "rounds": put(1, selected=[2, 3])(rounds())}
    store.files.write(tmp_path / "records" / "a.json", json.dumps(record).encode())
    [note] = set_aside_damaged_records(store, {"a": definition}, lambda _: LABELS)
    assert "other classes than are counted" in note
    assert not store.has_record("a")


def test_a_link_that_leads_back_to_itself_is_no_record(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "a.json").symlink_to("a.json")
    [note] = set_aside_damaged_records(RunStore(tmp_path), {"a": {}})
    assert "is no file" in note
