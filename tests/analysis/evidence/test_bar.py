"""The bar of a default, on cells whose gains are given."""

import pytest

from analysis.evidence.bar import bar_of_default, verdict
from analysis.figures.text import NONE
from tests.analysis.evidence.made_up_cells import made_up

SMALL, MORE, MANY = ("blood", "moco", 11), ("blood", "moco", 23), ("digits", "pixels", 59)
POOLS = {"blood": 10_000, "digits": 1_000}


def text_of(gains: dict[str, dict[tuple[str, str, int], float]]) -> str:
    return "\n".join(bar_of_default(made_up(gains), POOLS))


def test_the_bar_is_reached_where_all_is_won_and_no_other_is_better_on_average() -> None:
    text = text_of({"auto": {SMALL: 5.0, MORE: 3.0}, "kmeans": {SMALL: 6.0, MORE: 1.0}})
    assert "It is **reached**." in text
    assert "| First queries | AUC | 2 | 2 | 0 | 0 | +4.00 | `kmeans` +3.50 | yes |" in text
    assert "Open:" not in text
    assert "beyond" not in text


def test_cells_that_are_open_and_lost_are_named_and_so_are_those_beyond_the_bar() -> None:
    text = text_of({"auto": {SMALL: 5.0, MORE: -2.0, MANY: 0.3}, "kmeans": {SMALL: 1.0}})
    assert "It is **not reached**." in text
    assert (
        "* First queries, AUC. Lost: blood, moco, 23 labels. Open: digits, pixels, 59 labels."
        in text
    )
    assert "also the 1 beyond (digits)" in text
    assert (
        f"| 3 | 1 | 1 | 1 | +1.10 | {NONE} | yes |" in text
    )  # kmeans was not asked in all of them


def test_a_strategy_that_is_better_on_average_or_at_a_stage_is_named() -> None:
    gains = {"auto": {SMALL: 5.0, MANY: 1.0}, "kmeans": {SMALL: 6.0, MANY: 4.0}}
    assert "It is **not reached**." in text_of(gains)
    text = text_of(gains)
    assert "| +3.00 | `kmeans` +5.00 | no |" in text
    assert "Behind, on average: `kmeans` at fewer than two labels a class (+5.00 and +6.00)" in text
    found = verdict(made_up(gains), "first", "auc")
    assert [stage["best_mean"] for stage in found["behind"]] == pytest.approx([6.0, 4.0])


def test_a_single_choice_is_said_and_an_oracle_sets_no_bar() -> None:
    cells = made_up({"auto": {SMALL: 2.0}, "maxherding": {SMALL: 3.0}, "best_of": {SMALL: 9.0}})
    cells.loc[cells["strategy"] == "maxherding", "choices"] = 1
    assert "`maxherding` (one choice a cell) +3.00 | no |" in "\n".join(
        bar_of_default(cells, POOLS)
    )


def test_pools_that_only_the_table_knows_count_and_unknown_ones_are_named() -> None:
    known = made_up({"auto": {SMALL: 2.0, MANY: 2.0}}).assign(pool=1_000.0)
    assert "also the 2 beyond (blood and digits). It" in "\n".join(bar_of_default(known, {}))
    unknown = made_up({"auto": {SMALL: 2.0, MANY: 2.0}})
    text = "\n".join(bar_of_default(unknown, {"digits": 1_000}))
    assert "the 1 beyond (digits); which of those on blood are beyond, the earlier table" in text


def test_without_auto_nothing_is_said() -> None:
    assert text_of({"kmeans": {SMALL: 2.0}}) == ""
