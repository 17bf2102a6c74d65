"""Strategies that were stopped: shown with a mark, and compared with nothing."""

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.figures.text import MINUS
from analysis.page.budgets import STOPPED
from analysis.page.table import PageTable
from analysis.report import page_of, sections_named
from analysis.sections import all_prints, all_sections, all_tables
from analysis.sections.base import Report
from analysis.sections.stopped import content
from analysis.sections.stopped import tables as tables_of
from analysis.study.study import Study, read_study
from analysis.study.summary import summary
from rayal.storage.stopped import Stopped, save_pruning
from tests.analysis.made_up_runs import RunBuilder, component, single_query_run

pytestmark = pytest.mark.slow

SEEDS, DONE = 10, 8
LEVELS = {"random": 0.7, "hacon": 0.8, "loser": 0.6}


def run_with_a_stop(root: Path, *, done: int = DONE) -> Path:
    """Write a run in which `loser` was stopped at 20 labels, and ended at 50."""
    run = RunBuilder(root)
    trials: list[str] = []
    for budget in (20, 50):
        for name, level in LEVELS.items():
            for seed in range(SEEDS):
                trial = run.trial(component(name), seed, [budget])
                stopped = name == "loser" and budget == 20
                if stopped:
                    trials.append(trial)
                if not stopped or seed < done:
                    value = level + budget / 1000 + 0.01 * ((seed * len(name)) % 5)
                    run.done(trial, [value])
    written = run.write()
    one = Stopped(
        dataset="blood", encoder="moco", learner="linear", initial="loser", strategy="loser",
        schedule=[20], measure="auc", pairs=8, lost=8, won=0, evidence=100.4, needed=80.0,
        difference=-0.1, trials=trials, spared=trials[DONE:],
    )  # fmt: skip
    save_pruning(written, {"level": 0.05, "comparisons": 4, "stopped": [one]})
    return written


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return read_study(run_with_a_stop(tmp_path_factory.mktemp("run")))


@pytest.fixture(scope="module")
def tables(study: Study) -> dict[str, Any]:
    return all_tables(study)


def test_what_a_run_and_its_copy_stopped_is_there_once(tmp_path: Path) -> None:
    """It was listed twice, and the verdict spoke of twice as many cells."""
    run = run_with_a_stop(tmp_path / "run")
    copy = shutil.copytree(run, tmp_path / "copy")
    assert read_study(run, copy).stopped == read_study(run).stopped
    assert len(read_study(run, copy).stopped) == 1


def test_spared_trials_are_neither_done_nor_missing(study: Study) -> None:
    counts = study.progress
    assert (counts.planned, counts.done, counts.spared) == (6 * SEEDS, 6 * SEEDS - 2, 2)
    assert (counts.missing, counts.failed) == (0, 0)


def test_the_summary_has_the_mean_over_what_there_is_and_what_was_spared(
    tables: dict[str, Any],
) -> None:
    rows = tables["summary"].set_index(["strategy", "labelled"])
    assert rows.loc[("loser", 20), ["planned", "done", "missing", "spared"]].tolist() == [
        SEEDS, DONE, 0, SEEDS - DONE,
    ]  # fmt: skip
    assert rows["spared"].sum() == SEEDS - DONE
    assert 0.6 < rows.loc[("loser", 20), "auc_mean"] < 0.7


@pytest.mark.parametrize("name", ["against_random", "power"])
def test_where_it_was_stopped_a_strategy_is_not_compared_with_random(
    tables: dict[str, Any], name: str
) -> None:
    compared = tables[name]
    of_loser = compared[compared["strategy"] == "loser"]
    assert set(of_loser["labelled"]) == {50}
    assert set(compared.loc[compared["strategy"] == "hacon", "labelled"]) == {20, 50}


def test_it_has_no_area_saves_no_labels_and_is_in_no_pair_of_its_cell(
    tables: dict[str, Any],
) -> None:
    for name in ("aubc", "annotation_saved"):
        assert "hacon" in set(tables[name]["strategy"])
        assert "loser" not in set(tables[name]["strategy"])
    leaders = tables["leaders"]
    assert "loser" not in set(leaders.loc[leaders["labelled"] == 20, "not_told_apart"].explode())
    wins = tables["win_tie_loss"].set_index(["way", "rival"])
    assert wins.loc[("hacon", "random"), "cells"] == 2
    ranked = tables["ranks"].set_index("way")
    assert "loser" not in ranked.index or ranked.loc["loser", "left_out"]


def test_tables_for_a_paper_mark_it_and_never_in_bold(study: Study, tables: dict[str, Any]) -> None:
    prints = dict(all_prints(study, tables, all_sections()))
    [name] = [name for name in prints if name.endswith("-auc")]
    printed = prints[name]
    [row] = [row for row in printed.rows if row[0].text == "loser"]
    assert [STOPPED in cell.text for cell in row] == [False, False, True, False]
    assert not row[2].bold
    assert f"{STOPPED}: stopped" in printed.caption
    assert "not all planned trials are done" not in printed.caption


def test_the_page_marks_it_and_says_on_what_grounds(study: Study, tables: dict[str, Any]) -> None:
    report = Report(study, tables, ())
    level, table, note = list(content(report))
    assert "Of 4 comparisons with random selection, 1 ended early" in level.text  # type: ignore[union-attr]
    assert "at most 0.05" in level.text  # type: ignore[union-attr]
    assert isinstance(table, PageTable)
    [shown] = [[cell.text for cell in row] for row in table.rows]
    assert shown == ["loser", "20", "8", "8", "0", f"{MINUS}0.100", "100 of 80", "8", "2"]
    assert "too low rather than too high" in note.text  # type: ignore[union-attr]
    page = page_of(report, sections_named(["verdict", "auc", "stopped"]))
    assert '<a href="#stopped">2 spared</a>' in page
    assert 'id="stopped"' in page
    assert STOPPED in page
    assert "The run is not complete" not in page


def test_a_page_links_to_no_section_that_it_does_not_have(
    study: Study, tables: dict[str, Any]
) -> None:
    page = page_of(Report(study, tables, ()), sections_named(["verdict"]))
    assert set(re.findall(r'href="#([^"]+)"', page)) == {"main", "verdict"}
    assert "Stopped in 1 cell by pruning, and compared with nothing there: loser." in page
    assert "2 spared" in page


def test_a_strategy_whose_spared_trials_were_run_after_all_is_like_any_other(
    tmp_path: Path,
) -> None:
    study = read_study(run_with_a_stop(tmp_path, done=SEEDS))
    assert not study.stopped
    assert study.progress.done == 6 * SEEDS
    assert not tables_of(study, {})


def test_a_run_that_does_not_prune_has_no_column_of_it(tmp_path: Path) -> None:
    study = read_study(single_query_run(tmp_path).write())
    assert "spared" not in summary(study)
    assert study.compared_rounds.equals(study.distinct_rounds)
