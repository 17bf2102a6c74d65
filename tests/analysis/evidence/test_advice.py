"""What is recommended, and beside what, on cells whose gains are given."""

from analysis.evidence.advice import advice, what_to_use
from analysis.figures.text import NONE
from tests.analysis.evidence.made_up_cells import made_up

FEW, MANY = ("blood", "moco", 11), ("blood", "pixels", 59)


def test_both_measures_and_the_gain_of_adapted_random_are_said() -> None:
    cells = made_up({
        "auto": {FEW: (9.0, 15.0)},
        "random stratify=budget": {FEW: (5.0, 7.0)},
        "k_center": {FEW: (-2.0, -3.0)},
    })  # fmt: skip
    text = "\n".join(what_to_use(cells, "first"))
    assert (
        "| fewer than two labels a class | `auto` | +9.0 points of AUC and +15.0 of per-class "
        "accuracy on average over 1 cell, 1 won, none lost; worst +9.0 (blood, moco, 11 labels). "
        "Beside it: `random stratify=budget` +5.0 and +7.0, 1 won, none lost |" in text
    )
    assert "its gain shows what spreading the images alone brings" in text


def test_what_lost_a_cell_by_either_measure_is_not_recommended() -> None:
    cells = made_up({"auto": {MANY: (5.0, -1.5)}, "kmeans": {MANY: (2.0, 2.0)}})
    [row] = advice(cells, "first").to_dict("records")
    assert row["strategy"] == "kmeans"
    assert [other["strategy"] for other in row["beside"]] == ["auto"]


def test_the_leader_by_accuracy_stands_beside_the_leader_by_auc() -> None:
    cells = made_up({"bait": {MANY: (3.0, 1.0)}, "uherding": {MANY: (2.0, 4.0)},
                     "margin": {MANY: (1.0, 1.5)}})  # fmt: skip
    [row] = advice(cells, "first").to_dict("records")
    assert row["strategy"] == "bait"
    assert [other["strategy"] for other in row["beside"]] == ["uherding"]


def test_strategies_that_were_tested_in_other_cells_each_are_not_compared() -> None:
    cells = made_up({
        "auto": {FEW: 2.0, ("scans", "moco", 11): 2.0},
        "kmeans": {FEW: 2.0, ("digits", "moco", 13): 9.0},
    })  # fmt: skip
    [row] = advice(cells, "first").to_dict("records")
    assert row["strategy"] == ""
    assert (
        f"| fewer than two labels a class | {NONE} | no strategy was tested in all of the 3 cells |"
        in what_to_use(cells, "first")
    )


def test_what_won_is_recommended_before_what_gains_more_and_won_nothing() -> None:
    cells = made_up(
        {
            "auto": {MANY: (0.9, 0.9)},
            "kmeans": {
                MANY: (1.0, 1.0),
            },
        }
    )
    cells.loc[cells["strategy"] == "auto", "gain"] = 1.2  # and open
    [row] = advice(cells, "first").to_dict("records")
    assert (row["strategy"], row["won"]) == ("kmeans", 1)


def test_nothing_beats_random_is_said_only_where_nobody_won_a_cell() -> None:
    lost_one = {"kmeans": {MANY: 3.0, ("scans", "pixels", 59): -2.0}}
    cells = made_up({"auto": {MANY: 0.5, ("scans", "pixels", 59): 0.5}, **lost_one})
    text = "\n".join(what_to_use(cells, "first"))
    assert (
        "| any | no strategy that was tested in all and lost none is shown to beat random" in text
    )
    assert "`kmeans` +0.5 and +0.5, 1 won, 1 lost" in "\n".join(
        what_to_use(made_up(lost_one), "first")
    )
    none = made_up({"auto": {MANY: 0.5}})
    assert "| any | nothing is shown to beat random in 1 cell |" in "\n".join(
        what_to_use(none, "first")
    )


def test_a_stage_in_which_all_lost_a_cell_is_said_and_not_left_out() -> None:
    cells = made_up({"auto": {MANY: -2.0}, "kmeans": {MANY: -3.0}})
    text = "\n".join(what_to_use(cells, "first"))
    assert (
        f"| {NONE} | each strategy that was tested in all cells lost some of them: `auto` -2.0"
        in text
    )
