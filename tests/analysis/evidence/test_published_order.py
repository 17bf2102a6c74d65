"""Whether later queries rank as published, on made-up runs whose order is known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.evidence.page import write_evidence
from analysis.evidence.published_order import published_order
from analysis.figures.text import NONE
from analysis.study.study import Study, read_study
from rayal.storage.stopped import Stopped
from tests.analysis.made_up_runs import RunBuilder, component

SEEDS = 10
LEVELS = {"bait": 0.84, "typiclust": 0.80, "random": 0.75, "k_center": 0.78, "margin": 0.80}


def value(strategy: str, seed: int) -> float:
    noise = np.random.default_rng([*strategy.encode(), seed]).normal(scale=0.005)
    return float(LEVELS[strategy] + noise)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    run = RunBuilder(tmp_path_factory.mktemp("order") / "run")
    for strategy in LEVELS:
        given = {"ridge": 0.001} if strategy == "bait" else {}
        for seed in range(SEEDS):
            trial = run.trial(
                component(strategy, **given), seed, [5, 15], initial=component("kmeans")
            )
            run.done(trial, [0.6, value(strategy, seed)])
    return read_study(run.write())


def lead(order: pd.DataFrame, ahead: str, behind: str) -> pd.Series:
    kept = order[(order["ahead"] == ahead) & (order["behind"] == behind)]
    [own] = kept[kept["measure"] == "auc"].to_dict("records")
    return pd.Series(own)


def test_a_pair_is_compared_seed_by_seed(study: Study) -> None:
    found = lead(published_order(study), "bait", "typiclust")
    ahead, behind = (
        np.array([value(name, seed) for seed in range(SEEDS)]) for name in ("bait", "typiclust")
    )
    assert found["lead"] == pytest.approx(100 * (ahead - behind).mean())
    assert found["p"] == pytest.approx(stats.ttest_rel(ahead, behind).pvalue)
    assert (found["pairs"], found["labelled"], found["found"]) == (SEEDS, 15, "as published")


def test_a_pair_the_other_way_round_is_reversed_and_one_too_close_is_open(study: Study) -> None:
    order = published_order(study)
    assert lead(order, "random", "k_center")["found"] == "reversed"
    assert lead(order, "typiclust", "margin")["found"] == "open"
    assert lead(order, "typiclust", "margin")["holm"] == pytest.approx(
        lead(order, "typiclust", "margin")["p"]
    )


def test_a_strategy_that_was_not_tried_is_no_pair(study: Study, tmp_path: Path) -> None:
    assert "dropquery" not in set(published_order(study)["ahead"])
    page, _ = write_evidence(study, tmp_path, version="1")
    [row] = [
        line
        for line in page.read_text().splitlines()
        if line.startswith("| fewer than four labels a class | area")
    ]
    assert row.split(" | ")[2] == "+4.0 (1 / 0 / 0)"
    assert row.split(" | ")[3] == NONE


def test_a_strategy_that_was_stopped_is_no_pair(study: Study) -> None:
    left = study.rounds.loc[study.rounds["strategy"] == "k_center", "trial"].tolist()
    one = Stopped(
        dataset="blood", encoder="moco", learner="linear", initial="kmeans", strategy="k_center",
        schedule=[5, 15], measure="auc", pairs=SEEDS, lost=SEEDS, won=0, evidence=100.4,
        needed=80.0, difference=-0.1, trials=left, spared=[],
    )  # fmt: skip
    assert "k_center" in set(published_order(study)["behind"])
    assert "k_center" not in set(published_order(replace(study, stopped=(one,)))["behind"])
