"""The report of data with several classes an image, from a made-up run."""

import json
from pathlib import Path

import numpy as np
import pytest

from analysis.page.blocks import Sentence, Text
from analysis.sections import several_classes
from analysis.sections.base import Report
from analysis.sections.leaders import leaders
from analysis.sections.results import tables as result_tables
from analysis.study.embeddings import StoredEmbedding
from analysis.study.study import Study, read_study
from tests.analysis.made_up_runs import CLASSES, RunBuilder, component, images_of, single_query_run

OF_ONE_CLASS = ("balanced_accuracy", "mean_class_accuracy")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    run = RunBuilder(tmp_path_factory.mktemp("several"))
    for strategy in ("random", "kmeans"):
        for seed in range(3):
            run.done(run.trial(component(strategy), seed, [20]))
    for number, record in enumerate(run.records.values()):
        for row in record["rounds"]:
            for name in OF_ONE_CLASS:
                row.pop(name, None)
            row |= {
                "mean_average_precision": 0.4 + number / 100, "f1": 0.3 + number / 100,
                "class_counts": [9, 12, 0, 3, 6], "thresholds": [0.5] * 5,
                "one_sided_classes": [2], "classes_without_positive": [4],
            }  # fmt: skip
    root = run.write()
    plan = json.loads((root / "plan.json").read_text())
    plan["datasets"]["blood"]["multilabel"] = True
    (root / "plan.json").write_text(json.dumps(plan))
    return read_study(root)


def test_measures_are_those_that_several_classes_have(study: Study, tmp_path: Path) -> None:
    assert study.measures == ("auc", "accuracy", "mean_average_precision", "f1")
    one = read_study(single_query_run(tmp_path, random_seeds=2, seeds=1).write())
    assert one.measures == ("auc", "mean_class_accuracy", "accuracy")
    assert not {"f1", "thresholds", "f1_mean"} & {*one.rounds, *result_tables(one, {})["summary"]}
    assert not several_classes.tables(one, {})


def test_their_means_and_intervals_stand_in_the_summary(study: Study) -> None:
    summary = result_tables(study, {})["summary"].set_index("strategy")
    for measure in ("mean_average_precision", "f1"):
        for strategy, rows in study.rounds.groupby("strategy"):
            assert summary.loc[strategy, f"{measure}_mean"] == pytest.approx(rows[measure].mean())
            low, high = (summary.loc[strategy, f"{measure}_{end}"] for end in ("low", "high"))
            assert low <= rows[measure].mean() <= high


def test_leaders_are_judged_by_what_was_measured(study: Study) -> None:
    judged = set(leaders(study)["measure"])
    assert judged == {"auc", "accuracy", "mean_average_precision", "f1", "coverage"}


def test_what_could_not_be_learned_or_measured_is_counted_and_named(study: Study) -> None:
    table = several_classes.several_classes(study)
    assert len(table) == 2
    for row in table.to_dict("records"):
        assert (row["trials"], row["classes"], row["learned"]) == (3, 5, 4)
        assert row["classes_of_an_image"] == pytest.approx(30 / 20)
        assert row["left_out"] == CLASSES[4]


def test_the_page_says_what_measures_mean_and_what_is_left_out(study: Study) -> None:
    report = Report(study, several_classes.tables(study, {}), [])
    first, *tables = several_classes.content(report)
    assert isinstance(first, Text)
    assert "Images of blood may have several classes" in str(first)
    assert "balanced and mean per-class accuracy" in str(first)
    assert len(tables) == 1
    assert not isinstance(first, Sentence)


def test_pictures_have_the_names_of_all_their_classes(tmp_path: Path) -> None:
    labels = np.array([[1, 0, 1], [0, 0, 0], [-1, 1, -1]])
    images = images_of(tmp_path, np.zeros((3, 2), np.float32), labels)
    assert images.classes(np.array([0, 1])) is None
    assert images.classes_of_each(np.array([2, 0, 1])) == [[1], [0, 2], []]
    assert StoredEmbedding("k", "d", "e", [], images, None, multilabel=True).multilabel
    (tmp_path / "one").mkdir()
    one = images_of(tmp_path / "one", np.zeros((2, 2), np.float32), np.array([1, -1]))
    assert one.classes_of_each(np.array([0, 1])) == [[1], []]
