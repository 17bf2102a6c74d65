"""Strategies that chose the same images are one in every table and test, and the page says so."""

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pytest

from analysis.evidence.cells import cells
from analysis.evidence.page import write_evidence
from analysis.report import page_of
from analysis.sections import ablations, all_tables
from analysis.sections.base import Report, Tables
from analysis.sections.versus_random.differences import against_random
from analysis.study.study import Study, read_study
from analysis.study.summary import summary
from tests.analysis.made_up_runs import RunBuilder, component

BUDGETS = (10, 20)
SEEDS = range(4)
pytestmark = pytest.mark.slow

DRAWN = ("coverage", "class_entropy", "l1_score")  # of made-up classes, anew for each trial
IMAGES = {"random": 0, "kmeans": 100, "tcm": 200, "typiclust": 200}  # the first one's number


def chosen_by(strategy: str, seed: int, labels: int) -> list[int]:
    return list(range(IMAGES[strategy] + seed, IMAGES[strategy] + seed + labels))


def level(strategy: str, seed: int, labels: int) -> float:
    return 0.7 + IMAGES[strategy] / 2000 + labels / 1000 + (seed % 3) / 500


def single_queries(root: Path, names: Iterable[str] = IMAGES) -> RunBuilder:
    """Tcm chooses what typiclust does; kmeans and random choose other images."""
    run = RunBuilder(root)
    for labels in BUDGETS:
        for name in names:
            for seed in SEEDS:
                add(run, name, seed, labels)
    return run


def add(run: RunBuilder, name: str, seed: int, labels: int, like: str = "") -> str:
    trial = run.trial(component(name), seed, [labels])
    run.done(trial, [level(like or name, seed, labels)])
    run.records[trial]["rounds"][0]["selected"] = chosen_by(like or name, seed, labels)
    return trial


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(single_queries(tmp_path_factory.mktemp("same") / "run").write())


@pytest.fixture(scope="module")
def tables(study: Study) -> Tables:
    return all_tables(study)


@pytest.fixture(scope="module")
def without_twin(tmp_path_factory: pytest.TempPathFactory) -> Study:
    names = [name for name in IMAGES if name != "typiclust"]
    return read_study(single_queries(tmp_path_factory.mktemp("alone") / "run", names).write())


def groups(study: Study) -> list[tuple[str, tuple[str, ...]]]:
    return [(group.role, group.names) for group in study.same_choices.groups]


def test_strategies_with_the_same_images_are_one(study: Study) -> None:
    assert groups(study) == [("single query", ("tcm", "typiclust"))]
    assert set(study.distinct_rounds["strategy"]) == {"random", "kmeans", "tcm / typiclust"}
    assert len(study.distinct_rounds) == 3 * len(BUDGETS) * len(SEEDS)
    assert len(study.rounds) == 4 * len(BUDGETS) * len(SEEDS)


def _with_its_twin(cell: object) -> object:
    """Name both strategies where a cell names the first, alone or among others."""
    if isinstance(cell, tuple):
        return tuple(map(_with_its_twin, cell))
    return re.sub(r"\btcm\b", "tcm / typiclust", cell) if isinstance(cell, str) else cell


def test_every_table_is_that_of_a_run_without_the_second_but_for_the_name(
    tables: Tables, without_twin: Study
) -> None:
    found, alone = tables, all_tables(without_twin)
    for name in ("summary", "against_random", "power", "annotation_saved", "aubc", "ranks",
                 "overall", "win_tie_loss", "leaders"):  # fmt: skip
        renamed = alone[name].map(_with_its_twin)
        measured = [column for column in renamed if not str(column).startswith(DRAWN)]
        pd.testing.assert_frame_equal(
            _auc_rows(found[name])[measured], _auc_rows(renamed)[measured]
        )


def _auc_rows(table: pd.DataFrame) -> pd.DataFrame:
    rows = table[table["metric"] == "auc"] if "metric" in table else table
    rows = rows[rows["measure"] == "auc"] if "measure" in rows else rows
    return rows.reset_index(drop=True)


def test_holms_family_counts_them_once(tables: Tables) -> None:
    compared = tables["against_random"]
    auc = compared[compared["metric"] == "auc"]
    assert set(auc["comparisons"]) == {2 * len(BUDGETS)}


def test_the_page_and_the_evidence_say_it(study: Study, tables: Tables, tmp_path: Path) -> None:
    words = "tcm and typiclust chose the same images in each single query that they share, 8 in all"
    assert words in page_of(Report(study, tables, []))
    page, _ = write_evidence(study, tmp_path, "0")
    assert words in page.read_text()
    assert set(cells(study)["strategy"]) == {"kmeans", "tcm / typiclust"}


def test_one_other_image_with_one_seed_keeps_them_apart(tmp_path: Path) -> None:
    run = single_queries(tmp_path)
    record = next(r for r in run.records.values() if r["definition"]["strategy"]["name"] == "tcm")
    record["rounds"][0]["selected"][0] = 999
    assert groups(read_study(run.write())) == []


def test_a_budget_that_one_was_not_asked_keeps_them_apart(tmp_path: Path) -> None:
    run = single_queries(tmp_path)
    add(run, "tcm", 0, 40)
    assert groups(read_study(run.write())) == []


def test_random_selection_stays_what_others_are_held_against(tmp_path: Path) -> None:
    run = single_queries(tmp_path, ["random"])
    for seed in SEEDS:
        for labels in BUDGETS:
            add(run, "uniform", seed, labels, like="random")
    study = read_study(run.write())
    assert groups(study) == []
    assert set(against_random(study)["strategy"]) == {"uniform"}


def test_a_failed_trial_is_stood_for_by_the_finished_one_of_the_same_choice(tmp_path: Path) -> None:
    run = single_queries(tmp_path)
    failed = next(t for t in run.records if run.trials[t]["strategy"]["name"] == "tcm")
    del run.records[failed]
    run.failed(failed)
    study = read_study(run.write())
    assert groups(study) == [("single query", ("tcm", "typiclust"))]
    rows = summary(study).set_index("strategy").loc["tcm / typiclust"]
    assert list(rows["n"]) == list(rows["planned"]) == [len(SEEDS)] * len(BUDGETS)
    assert study.progress.failed == 1


def cycles(root: Path, starts: Iterable[str], queries: Iterable[str]) -> Study:
    """Later queries of margin and entropy are the same; those of random are others."""
    offsets = {"random": 300, "margin": 400, "entropy": 400}
    run = RunBuilder(root)
    for start in starts:
        for query in queries:
            for seed in SEEDS:
                trial = run.trial(component(query), seed, [10, 20], initial=component(start))
                run.done(trial, [level(start, seed, 10), level(start, seed, 20)])
                first, second = run.records[trial]["rounds"]
                first["selected"] = chosen_by(start, seed, 10)
                second["selected"] = list(range(offsets[query] + seed, offsets[query] + seed + 10))
    return read_study(run.write())


def test_in_cycles_first_and_later_queries_are_looked_at_apart(tmp_path: Path) -> None:
    study = cycles(tmp_path, ["random", "typiclust", "tcm"], ["random", "margin", "entropy"])
    assert groups(study) == [
        ("first query", ("typiclust", "tcm")),
        ("later query", ("margin", "entropy")),
    ]
    means = summary(study)
    assert set(means["initial"]) == {"random", "typiclust / tcm"}
    assert set(means["strategy"]) == {"random", "margin / entropy"}
    assert set(means["n"]) == {len(SEEDS)}


def test_values_of_a_parameter_with_the_same_images_are_compared_nonetheless(
    tmp_path: Path,
) -> None:
    run = single_queries(tmp_path, ["random"])
    for labels in BUDGETS:
        for k in (20, 30):
            for seed in SEEDS:
                trial = run.trial(component("hacon", k=k), seed, [labels])
                run.done(trial, [level("tcm", seed, labels)])
                run.records[trial]["rounds"][0]["selected"] = chosen_by("tcm", seed, labels)
    study = read_study(run.write())
    assert groups(study) == [("single query", ("hacon k=20", "hacon k=30"))]
    assert set(ablations.tables(study, {})["ablations"]["value"]) == {"20", "30"}


def test_the_queries_that_are_counted_are_those_that_both_made(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for strategy, seeds in (("random", 4), ("tcm", 4), ("typiclust", 1)):
        for seed in range(seeds):
            trial = run.done(run.trial(component(strategy), seed, [10]))
            run.records[trial]["rounds"][0]["selected"] = chosen_by(strategy, seed, 10)
    [group] = read_study(run.write()).same_choices.groups
    assert (group.names, group.queries) == (("tcm", "typiclust"), 1)
