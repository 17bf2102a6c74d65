"""What the page says that it does not cover, from the plans of made-up runs."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest

from analysis.evidence.cells import cells
from analysis.evidence.not_covered import not_covered
from analysis.study.study import Study, read_study
from tests.analysis.evidence.made_up_cells import made_up
from tests.analysis.made_up_runs import RunBuilder, component

MOCO = component("moco", backbone="small_cnn", epochs=10)
ENCODERS = {
    "blood": (MOCO, component("pixels", features={"pca": 64})),
    "digits": (component("pixels"),),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    run = RunBuilder(tmp_path_factory.mktemp("covered") / "run")
    for dataset, encoders in ENCODERS.items():
        for encoder in encoders:
            of = {"dataset": dataset, "encoder": encoder}
            for seed in range(3):
                for name in ("random", "margin"):
                    trial = run.trial(
                        component(name), seed, [5, 15], initial=component("kmeans"), **of
                    )
                    run.done(trial)
    root = run.write()
    plan = json.loads((root / "plan.json").read_text())
    for about in plan["artefacts"].values():
        size = "8 x 8, enlarged to 128" if about["dataset"] == "digits" else "28 x 28"
        about["notes"] = ["weights: none", f"images are {size}"]
    (root / "plan.json").write_text(json.dumps(plan))
    return read_study(root)


def lines(study: Study, known: tuple[str, ...] = ()) -> list[str]:
    return list(not_covered(study, cells(study), known))


def test_each_data_set_has_its_encoders_and_the_size_of_its_images(study: Study) -> None:
    assert (
        "* Datasets and encoders: blood (28 x 28 pixels) with moco and pixels; "
        "digits (8 x 8 pixels) with pixels; no others." in lines(study)
    )


def test_encoders_are_described_by_their_parameters_in_the_plan(study: Study) -> None:
    [said] = [line for line in lines(study) if line.startswith("* The encoders are")]
    assert "`moco` (one training of small_cnn, 10 epochs)" in said
    assert "`pixels` (on blood features pca 64; on digits as they are)" in said


def test_first_queries_of_later_ones_and_strategies_that_were_not_asked_are_named(
    study: Study,
) -> None:
    text = lines(study, ("random", "margin", "hacon", "probcover"))
    assert "* All later queries follow a first one by `kmeans`, no other." in text
    assert "* Strategies not asked: hacon and probcover." in text


def test_a_single_choice_has_no_test_and_few_seeds_are_counted(
    study: Study, tmp_path: Path
) -> None:
    frame = cells(study).assign(choices=1)
    text = "\n".join(not_covered(study, frame, ()))
    assert "* 6 of 6 rows have neither an interval nor a test, as they rest on one choice" in text
    assert "of a strategy that draws nothing or has one seed: `margin`." in text
    assert "6 of 6 rows have fewer than 50 seeds, the least 3" in "\n".join(lines(study))


def test_encoders_of_an_earlier_table_that_no_run_describes_are_named(study: Study) -> None:
    both = pd.concat([cells(study), made_up({"margin": {("mnist", "pixels", 13): 1.0}})])
    [said] = [line for line in not_covered(study, both, ()) if "The encoders are" in line]
    assert "as they are). Of those on mnist the earlier table has the names alone. Others" in said


def test_what_cannot_be_tested_for_want_of_variance_is_counted(study: Study) -> None:
    text = "\n".join(not_covered(study, cells(study).assign(p=math.nan), ()))
    assert "* 6 of 6 rows have no test for another reason" in text


def test_runs_without_random_selection_are_said_to_lack_it(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    run.done(run.trial(component("kmeans"), 0, [5]))
    study = read_study(run.write())
    text = "\n".join(not_covered(study, cells(study), ()))
    assert "Everything: the runs hold no random selection, which all others are" in text


def test_a_lead_is_said_to_be_partly_chosen_on_the_datasets_of_development_alone(
    study: Study,
) -> None:
    def said(*datasets: str) -> str:
        of_sets = pd.concat([made_up({"auto": {(name, "moco", 5): 1.0}}) for name in datasets])
        return "\n".join(not_covered(study, of_sets, ()))

    assert "The datasets are those that the defaults were developed on: a" in said("digits")
    assert "The defaults were developed on digits too: a strategy's" in said("digits", "mine")
    assert "developed on" not in said("mine")
