"""What of an earlier table is refused beside the cells of runs, on given cells."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.evidence.cells import cells
from analysis.evidence.earlier import read_cells, with_earlier
from analysis.evidence.page import write_evidence
from analysis.study.study import Study, read_study
from tests.analysis.evidence.made_up_cells import made_up
from tests.analysis.made_up_runs import RunBuilder, component

HERE, THERE = ("scans", "pixels", 9), ("scans", "pixels", 19)


def earlier() -> pd.DataFrame:
    return made_up({"kmeans": {HERE: 2.0, THERE: 1.0}, "auto": {HERE: 3.0, THERE: 2.0}})


def run_of(folder: Path, schedule: list[int], **others: Any) -> Study:
    run = RunBuilder(folder)
    for name in ("random", "kmeans"):
        for seed in range(3):
            run.done(run.trial(component(name), seed, schedule, **others))
    return read_study(run.write())


def test_a_strategy_is_added_to_a_cell_with_the_same_random_selection() -> None:
    added = with_earlier(made_up({"probcover": {HERE: 1.0}}), earlier())
    assert len(added) == len(earlier()) + 2
    assert set(added[added["labelled"] == 9]["strategy"]) == {"kmeans", "auto", "probcover"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda own: own.assign(per_class=own["labelled"] / 6), "another number of classes"),
        (lambda own: own.assign(pool=600), "scans has 8,400 images to choose from there, and 600"),
        (lambda own: own.assign(setting="b2"), "scans, pixels, logistic is of other images, or of"),
        (lambda own: own.assign(random=0.6), "mean of 0.700 by random selection there and of 0.6"),
        (lambda own: own.assign(random_trials=20), "with 100 trials of random selection there, "),
        (
            lambda own: own.assign(strategy="kmeans", trials=3),
            "9 labels of kmeans rest on 50 trials there, and on 3 here",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    own = change(made_up({"probcover": {HERE: 1.0}}).assign(pool=8400, setting="a1"))
    table = earlier().assign(pool=8400, setting="a1")
    with pytest.raises(ValueError, match=rf"does not fit these runs: .*{said}.*leave --add-to out"):
        with_earlier(own, table)


def test_other_images_of_a_name_are_refused_where_no_cell_is_in_both() -> None:
    own = made_up({"kmeans": {("scans", "pixels", 30): 1.0}})
    with pytest.raises(ValueError, match="is of other images"):
        with_earlier(own.assign(setting="b2"), earlier().assign(setting="a1"))
    assert len(with_earlier(own, earlier().assign(setting="a1"))) == 10  # of which nothing is known


def test_a_table_that_the_runs_make_anew_as_a_whole_may_be_of_other_parameters() -> None:
    own = earlier().assign(setting="b2")
    pd.testing.assert_frame_equal(with_earlier(own, earlier().assign(setting="a1")), own)


def test_later_queries_after_other_steps_are_refused(tmp_path: Path) -> None:
    start = component("kmeans")
    own = cells(run_of(tmp_path / "own", [5, 10, 20], initial=start))
    same = cells(run_of(tmp_path / "same", [5, 10, 20, 30], initial=start))
    other = cells(run_of(tmp_path / "other", [5, 12, 20], initial=start))
    assert [str(name).split()[1] for name in own["setting"].unique()] == ["5+5", "5+5+10"]
    renamed = other.assign(strategy="margin")
    with pytest.raises(ValueError, match=r"20 labels follow queries of 5\+7\+8 and not 5\+5\+10"):
        with_earlier(own, renamed)
    assert with_earlier(own, same)["labelled"].nunique() == 3


@pytest.mark.parametrize(
    "other",
    [{"encoder": component("moco", epochs=10)}, {"learner": component("linear", epochs=5)}],
)
def test_an_encoder_or_learner_of_the_same_name_and_other_parameters_is_refused(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    _, table = write_evidence(run_of(tmp_path / "run", [5]), tmp_path / "docs", "3")
    study = run_of(tmp_path / "other", [20], **other)
    with pytest.raises(ValueError, match="an encoder or learner of other parameters"):
        write_evidence(study, tmp_path / "out", "3", read_cells(table))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_rows_of_auto_of_another_version_are_refused_and_others_kept(tmp_path: Path) -> None:
    study = run_of(tmp_path / "run", [5])
    with pytest.raises(ValueError, match="version 2 of the evidence, and this is version 3"):
        write_evidence(study, tmp_path / "a", "3", earlier(), (), "# Evidence, version 2\n")
    write_evidence(study, tmp_path / "b", "3", earlier(), (), "# Evidence, version 3\n")
    others = earlier()[earlier()["strategy"] != "auto"]
    write_evidence(study, tmp_path / "c", "3", others, (), "# Evidence, version 2\n")


def test_a_table_of_an_earlier_form_is_read(tmp_path: Path) -> None:
    table = tmp_path / "evidence.csv"
    made_up({"kmeans": {HERE: 2.0}}).drop(columns=["pool", "setting"]).to_csv(table, index=False)
    assert len(with_earlier(made_up({"margin": {HERE: 1.0}}), read_cells(table))) == 4


def test_a_table_read_again_has_the_corrections_and_verdicts_that_were_written(
    tmp_path: Path,
) -> None:
    run = RunBuilder(tmp_path / "run")
    for seed in range(8):
        for name, lead in (("random", 0.0), ("kmeans", 0.00004), ("auto", 0.02)):
            trial = run.trial(component(name), seed, [5], dataset="scans")
            run.done(trial, [0.7 + lead + 0.000001 * (seed % 3)])
    study = read_study(run.write())
    _, table = write_evidence(study, tmp_path / "docs", "3")
    written = cells(study)
    assert set(written["verdict"]) == {"won"}
    again = with_earlier(made_up({"kmeans": {("digits", "moco", 5): 1.0}}), read_cells(table))
    assert set(again[again["dataset"] == "scans"]["verdict"]) == {"won"}
    assert read_cells(table)["p"].tolist() == pytest.approx(written["p"].tolist(), rel=1e-5)
