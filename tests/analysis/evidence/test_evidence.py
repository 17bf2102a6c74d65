"""The evidence page on made-up runs whose gains are known."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.evidence.advice import advice
from analysis.evidence.cells import cells, full_labels
from analysis.evidence.leaders import leaderboard
from analysis.evidence.page import write_evidence
from analysis.study.study import Study, read_study
from tests.analysis.made_up_runs import RunBuilder, component

SEEDS, DRAWS = 8, 12
GAINS = {"kmeans": 0.1, "k_center": -0.1, "margin": 0.0}


def values(strategy: str, seed: int, labels: int) -> float:
    noise = np.random.default_rng([*strategy.encode(), seed, labels]).normal(scale=0.005)
    return float(0.7 + GAINS.get(strategy, 0.0) + noise)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    run = RunBuilder(tmp_path_factory.mktemp("evidence") / "run")
    for labels in (5, 20):
        for strategy in ("random", "kmeans", "k_center"):
            for seed in range(DRAWS if strategy == "random" else SEEDS):
                run.done(
                    run.trial(component(strategy), seed, [labels]),
                    [values(strategy, seed, labels)],
                )
    start = component("kmeans")
    for strategy in ("random", "margin"):
        for seed in range(SEEDS):
            trial = run.trial(component(strategy), seed, [10, 20], initial=start)
            run.done(trial, [0.7, values(strategy, seed, 21)])
    run.done(run.trial(component("random"), 0, [1000]), [0.95])  # the whole pool
    return read_study(run.write())


def row(found: pd.DataFrame, strategy: str, labels: int, query: str) -> pd.Series:
    kept = found[(found["strategy"] == strategy) & (found["labelled"] == labels)]
    [own] = kept[(kept["query"] == query) & (kept["measure"] == "auc")].to_dict("records")
    return pd.Series(own)


def test_a_first_query_is_compared_with_every_random_draw(study: Study) -> None:
    found = row(cells(study), "kmeans", 5, "first")
    own = [values("kmeans", seed, 5) for seed in range(SEEDS)]
    draws = [values("random", seed, 5) for seed in range(DRAWS)]
    assert found["gain"] == pytest.approx(100 * (np.mean(own) - np.mean(draws)))
    assert found["p"] == pytest.approx(stats.ttest_ind(own, draws, equal_var=False).pvalue)
    assert (found["trials"], found["random_trials"]) == (SEEDS, DRAWS)
    assert found["higher_seeds"] == SEEDS
    assert found["per_class"] == 1.0


def test_a_later_query_is_compared_seed_by_seed_after_the_same_first_query(study: Study) -> None:
    found = row(cells(study), "margin", 20, "later")
    own, random = (
        np.array([values(name, seed, 21) for seed in range(SEEDS)]) for name in ("margin", "random")
    )
    assert found["p"] == pytest.approx(stats.ttest_rel(own, random).pvalue)
    assert found["higher_seeds"] + found["lower_seeds"] == SEEDS


def test_holm_is_over_all_rivals_cells_of_a_measure(study: Study) -> None:
    found = cells(study)
    own = found[found["measure"] == "auc"]
    assert len(own) == 5
    assert own["holm"].min() == pytest.approx(min(1, 5 * own["p"].min()))
    assert set(own[own["strategy"] == "kmeans"]["verdict"]) == {"won"}
    assert set(own[own["strategy"] == "k_center"]["verdict"]) == {"lost"}
    assert set(own[own["strategy"] == "margin"]["verdict"]) == {""}


def test_the_whole_pool_labeled_is_a_bar_and_no_cell(study: Study) -> None:
    assert 1000 not in set(cells(study)["labelled"])
    assert full_labels(study)["auc"].tolist() == [0.95]


def test_the_leaderboard_names_wins_losses_and_the_worst_cell(study: Study) -> None:
    board = leaderboard(cells(study), "first", "auc").set_index("strategy")
    assert list(board.index) == ["kmeans", "k_center"]
    assert board.loc["kmeans", ["cells", "won", "lost"]].tolist() == [2, 2, 0]
    assert board.loc["k_center", ["cells", "won", "lost"]].tolist() == [2, 0, 2]
    assert board.loc["kmeans", "rank"] == 1
    assert board.loc["k_center", "rank"] == 3  # random stands between them
    assert "labels" in board.loc["k_center", "worst_cell"]
    assert board.loc["kmeans", "low"] < 10 < board.loc["kmeans", "high"]


def test_what_lost_is_never_advised(study: Study) -> None:
    found = cells(study)
    assert set(advice(found, "first")["strategy"]) == {"kmeans"}
    lost = found.assign(verdict="lost")
    assert set(advice(lost, "first")["strategy"]) == {""}


def test_the_page_says_what_it_rests_on_and_what_it_leaves_out(
    study: Study, tmp_path: Path
) -> None:
    page, table = write_evidence(study, tmp_path / "docs", version="7")
    text = page.read_text()
    assert text.startswith("# Evidence, version 7\n")
    assert "| fewer than two labels a class | `kmeans` |" in text
    assert "nothing is shown to beat random in 1 cell |" in text  # later queries
    assert "~~-" in text
    assert "## What this does not cover" in text
    assert "fewer than 50 seeds, the least 8" in text
    stored = pd.read_csv(table)
    assert len(stored) == len(cells(study))
    assert stored["gain"].tolist() == pytest.approx(cells(study)["gain"].tolist(), abs=0.006)


def test_what_would_be_lost_is_not_written_over(study: Study, tmp_path: Path) -> None:
    _, table = write_evidence(study, tmp_path, version="7")
    write_evidence(study, tmp_path, version="8")  # its own rows are written again
    others = pd.read_csv(table, dtype=str, keep_default_na=False).assign(encoder="another")
    others.to_csv(table, index=False)
    with pytest.raises(ValueError, match=r"rows that these runs do not have.*--add-to"):
        write_evidence(study, tmp_path, version="8")
    assert set(pd.read_csv(table)["encoder"]) == {"another"}
    table.write_text("mine\n")
    with pytest.raises(ValueError, match="is no table of evidence"):
        write_evidence(study, tmp_path, version="8")
    table.unlink()
    (tmp_path / "evidence.md").write_text("mine\n")
    with pytest.raises(ValueError, match=r"evidence\.md is no page of evidence"):
        write_evidence(study, tmp_path, version="8")
    assert (tmp_path / "evidence.md").read_text() == "mine\n"


def test_a_run_without_random_has_no_cells(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    run.done(run.trial(component("kmeans"), 0, [5]), [0.7])
    study = read_study(run.write())
    assert cells(study).empty
    page, _ = write_evidence(study, tmp_path, version="1")
    assert "## What this does not cover" in page.read_text()


def test_images_of_several_classes_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    run.done(run.trial(component("random"), 0, [5]))
    root = run.write()
    plan = json.loads((root / "plan.json").read_text())
    plan["datasets"]["blood"]["multilabel"] = True
    (root / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(ValueError, match="images of blood have several classes each"):
        write_evidence(read_study(root), tmp_path / "docs", version="1")
    assert not (tmp_path / "docs").exists()


def test_a_later_strategy_that_shares_no_seed_with_random_is_no_cell(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    for name, seeds in (("random", range(3)), ("auto", range(3)), ("margin", range(3, 6))):
        for seed in seeds:
            run.done(run.trial(component(name), seed, [5, 9], initial=component("kmeans")))
    found = cells(read_study(run.write()))
    assert set(found["strategy"]) == {"auto"}


def test_with_one_seed_each_the_page_says_that_nothing_was_tested(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    for name in ("random", "kmeans"):
        run.done(run.trial(component(name), 0, [5]))
    page, _ = write_evidence(read_study(run.write()), tmp_path / "docs", version="1")
    text = page.read_text()
    assert "## What to use: first queries\n\nNothing is said: no cell has a test" in text
    assert "draw nothing" not in text
    assert "on 1 dataset." in text


def test_cells_of_two_learners_and_two_first_queries_are_told_apart(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path / "run")
    for learner in ("linear", "knn"):
        of = component(learner)
        run.done(run.trial(component("random"), 0, [1000], learner=of))
        for start, strategy, seed in itertools.product(
            ("kmeans", "hacon"), ("random", "margin"), range(3)
        ):
            first = component(start)
            run.done(run.trial(component(strategy), seed, [5, 9], learner=of, initial=first))
    page, _ = write_evidence(read_study(run.write()), tmp_path, version="1")
    lines = page.read_text().splitlines()
    assert "| data | encoder | learner | first query | labels | random | margin |" in lines
    for learner, start in itertools.product(("linear", "knn"), ("kmeans", "hacon")):
        rows = [line for line in lines if line.startswith(f"| blood | moco | {learner} | {start} ")]
        assert len(rows) == 2  # one by each measure
    full = [line for line in lines if re.match(r"\| blood \| moco \| (linear|knn) \| 0", line)]
    assert len(full) == 2
