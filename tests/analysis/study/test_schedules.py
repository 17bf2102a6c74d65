"""Cycles of several schedules in one run are settings of their own."""

import pandas as pd
import pytest

from analysis.sections import all_tables
from analysis.sections.paper_tables import prints
from analysis.study.schedules import in_words, with_schedules_in_names
from analysis.study.study import Study, read_study
from tests.analysis.made_up_runs import RunBuilder, component

SCHEDULES = ([10, 20, 30], [10, 20, 40], [20, 30, 40])


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    run = RunBuilder(tmp_path_factory.mktemp("run"))
    for schedule in SCHEDULES:
        for query in ("random", "margin"):
            for seed in range(3):
                run.done(run.trial(component(query), seed, schedule, initial=component("random")))
    for seed in range(3):
        run.done(run.trial(component("random"), seed, [20]))
    return read_study(run.write())


def test_a_schedule_in_words_is_its_first_number_and_its_steps() -> None:
    assert in_words((20, 30, 40, 50)) == "20 + 3 x 10 labels"
    assert in_words((11, 23, 59)) == "11 + 12 + 36 labels"
    assert len({in_words(schedule) for schedule in SCHEDULES}) == len(SCHEDULES)


def test_schedules_are_told_apart_by_the_learner_where_a_setting_has_several(study: Study) -> None:
    learners = study.trials.groupby("schedule")["learner_label"].unique()
    assert learners[(20,)].tolist() == ["linear"]
    assert learners[(10, 20, 40)].tolist() == ["linear [10 + 10 + 20 labels]"]


def test_one_schedule_a_dataset_changes_no_name() -> None:
    trials = pd.DataFrame({
        "dataset_label": ["a", "a", "b"], "encoder_label": "moco", "learner_label": "linear",
        "rounds": 2, "schedule": [(10, 20), (10, 20), (13, 26)],
    })  # fmt: skip
    pd.testing.assert_frame_equal(with_schedules_in_names(trials), trials)


@pytest.mark.slow
def test_trials_are_paired_and_joined_to_curves_within_their_schedule(study: Study) -> None:
    tables = all_tables(study)
    assert set(tables["against_random"]["seeds"]) == {"the same"}
    assert set(tables["summary"]["n"]) == {3}
    assert len(tables["aubc"]) == 2 * len(SCHEDULES)
    printed = prints(study, tables)
    cycles = [
        table for name, table in printed.items() if "-cycles" in name and name.endswith("auc")
    ]
    assert [table.values for table in cycles] == [[str(n) for n in one] for one in SCHEDULES]
