"""Rows that strategies share in one table and not in another, shown by each name."""

import pandas as pd

from analysis.evidence.advice import complete_board
from analysis.evidence.leaders import leaderboard
from analysis.evidence.shared_rows import shown_by_each_name
from tests.analysis.evidence.made_up_cells import made_up

A, B = ("blood", "pixels", 11), ("mine", "pixels", 11)


def test_a_strategy_that_shares_a_row_with_another_was_asked_in_all_cells() -> None:
    table = made_up({"kmeans": {A: 3.0}, "auto": {A: 2.0}, "auto / kmeans": {B: 1.0}})
    board = leaderboard(shown_by_each_name(table), "first", "auc").set_index("strategy")
    assert board["cells"].to_dict() == {"kmeans": 2, "auto": 2}
    assert board["mean"].to_dict() == {"kmeans": 2.0, "auto": 1.5}
    complete = complete_board(shown_by_each_name(table), "first", 0, 2)
    assert set(complete["strategy"]) == {"kmeans", "auto"}


def test_rows_that_are_shared_everywhere_stay_one() -> None:
    table = made_up({"auto / kmeans": {A: 2.0, B: 1.0}, "margin": {A: 0.5}})
    pd.testing.assert_frame_equal(shown_by_each_name(table), table)


def test_first_and_later_queries_are_looked_at_apart() -> None:
    first = made_up({"auto / kmeans": {A: 2.0}})
    later = made_up({"auto": {A: 2.0}, "kmeans": {A: 1.0}}, query="later")
    table = pd.concat([first, later], ignore_index=True)
    pd.testing.assert_frame_equal(shown_by_each_name(table), table)
