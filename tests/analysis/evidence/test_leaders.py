"""The leaderboards, and what is said of the oracle below them."""

import pandas as pd
import pytest

from analysis.evidence.leaders import boards, leaderboard
from tests.analysis.evidence.made_up_cells import made_up

A, B, C = ("blood", "moco", 11), ("blood", "pixels", 23), ("digits", "pixels", 13)


def test_the_best_and_the_worst_cell_are_named_and_the_longest_query() -> None:
    cells = made_up({"kmeans": {A: 1.0, B: -4.0, C: 7.0}})
    cells.loc[cells["dataset"] == "digits", "select_seconds"] = 2595.0
    [row] = leaderboard(cells, "first", "auc").to_dict("records")
    assert (row["worst"], row["worst_cell"]) == (-4.0, "blood, pixels, 23 labels")
    assert (row["best"], row["best_cell"]) == (7.0, "digits, pixels, 13 labels")
    text = "\n".join(boards(cells, "first"))
    assert "| -4.0: blood, pixels, 23 labels | +7.0: digits, pixels, 13 labels |" in text
    assert "| 0.1 (2,595) |" in text


def test_errors_add_up_within_a_data_set_and_are_independent_between() -> None:
    cells = made_up({"kmeans": {A: 1.0, B: 1.0, C: 1.0}})  # each with an interval of +- .5
    [row] = leaderboard(cells, "first", "auc").to_dict("records")
    assert row["high"] - row["mean"] == pytest.approx((1.0**2 + 0.5**2) ** 0.5 / 3)


def test_the_oracle_is_called_a_bar_with_the_cells_and_seeds_that_it_rests_on() -> None:
    cells = made_up({"auto": {A: (5.0, 2.0), B: (1.0, 1.0), C: 1.0},
                     "best_of": {A: (4.0, 3.0), B: (2.0, 2.0)}}, "later")  # fmt: skip
    bars = cells["strategy"] == "best_of"
    cells.loc[bars, "trials"] = 10
    cells.loc[bars & (cells["encoder"] == "pixels"), "trials"] = 8
    text = "\n".join(boards(cells, "later"))
    assert "is a bar, not a bound" in text
    assert "proposed by random draws, k-means, margin and BADGE" in text
    assert "the 2 of 3 cells that have it, each with 8 to 10 seeds of it" in text
    assert "`auto` is ahead of it in 1 by AUC and in 0 by per-class accuracy" in text


def test_shares_are_of_the_gain_of_best_of_whatever_other_oracles_there_are() -> None:
    cells = made_up({"kmeans": {A: 2.0, B: 1.0}, "best_of": {A: 4.0}, "uniform": {A: 1.0, B: 9.0}})
    assert leaderboard(cells, "first", "auc")["share"].tolist() == [0.5]


def test_without_an_oracle_no_bar_is_spoken_of() -> None:
    assert "bar" not in "\n".join(boards(made_up({"auto": {A: 1.0}}), "first"))


def test_an_oracle_with_parameters_is_a_bar_under_its_name() -> None:
    cells = made_up({"kmeans": {A: 2.0, B: 1.0}, "best_of proposals=20": {A: 4.0}})
    cells["oracle"] = cells["strategy"] != "kmeans"
    assert leaderboard(cells, "first", "auc")["share"].tolist() == [0.5]
    assert "The oracle `best_of proposals=20` is a bar" in "\n".join(boards(cells, "first"))
    both = made_up({"kmeans": {A: 2.0}, "best_of proposals=20": {A: 4.0}, "best_of": {A: 8.0}})
    both["oracle"] = both["strategy"] != "kmeans"
    assert leaderboard(both, "first", "auc")["share"].tolist() == [0.25]


def test_cells_of_two_learners_are_named_with_them() -> None:
    cells = made_up({"kmeans": {A: 1.0, B: -4.0}})
    other = cells.assign(learner="knn", gain=cells["gain"] / 2)
    [row] = leaderboard(pd.concat([cells, other]), "first", "auc").to_dict("records")
    assert row["worst_cell"] == "blood, pixels, logistic, 23 labels"
    assert row["best_cell"] == "blood, moco, logistic, 11 labels"


def test_ranks_are_those_of_a_loop_over_the_cells_that_all_have() -> None:
    gains = {"kmeans": {A: 1.0, B: -4.0, C: 3.0}, "auto": {A: 1.0, B: 2.0}}
    cells = made_up(gains)
    board = leaderboard(cells, "first", "auc").set_index("strategy")
    # In A both are ahead of random and equal; in B auto, random, kmeans.
    assert board["rank"].to_dict() == {"auto": (1.5 + 1) / 2, "kmeans": (1.5 + 3) / 2}
    text = "\n".join(boards(cells, "first"))
    assert (
        "means are over the cells in which each strategy was asked; ranks over the 2 of 3" in text
    )
    apart = "\n".join(boards(made_up({"kmeans": {A: 1.0}, "auto": {B: 1.0}}), "first"))
    assert "no cell has all of them, and so there are no ranks" in apart
    assert "means are over" not in "\n".join(boards(made_up({"auto": {A: 1.0}}), "first"))
