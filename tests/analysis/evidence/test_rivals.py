"""`auto` against every other strategy, on cells whose gains are given."""

import itertools

import numpy as np
import pytest

from analysis.evidence.rivals import against, auto_against_others
from tests.analysis.evidence.made_up_cells import made_up

A, B, C, D = (("blood", "moco", 11), ("blood", "pixels", 11), ("digits", "pixels", 13),
              ("digits", "pixels", 59))  # fmt: skip


def test_cells_count_as_ahead_equal_or_behind_by_gains_as_the_table_rounds_them() -> None:
    found = against(
        made_up({
            "auto": {A: 3.0, B: 1.004, C: 0.5, D: 9.0},
            "kmeans": {A: 1.0, B: 1.001, C: 0.51},
        }),
        "first",
        "auc",
    )  # fmt: skip
    [row] = found.to_dict("records")
    assert (row["ahead"], row["equal"], row["behind"], row["cells"]) == (1, 1, 1, 3)
    assert row["mean"] == pytest.approx((2.0 + 0.0 - 0.01) / 3)
    assert row["by_encoder"] == pytest.approx({"moco": 2.0, "pixels": -0.005})


def test_the_counts_are_those_of_a_loop_over_all_cells() -> None:
    rng = np.random.default_rng(0)
    keys = list(itertools.product(("blood", "scans", "digits"), ("moco", "pixels"), (10, 20, 40)))
    gains = {name: {key: float(rng.integers(-3, 4)) for key in keys}
             for name in ("kmeans", "auto", "margin")}  # fmt: skip
    found = against(made_up(gains), "first", "mean_class_accuracy").set_index("strategy")
    for other in ("kmeans", "margin"):
        leads = [gains["auto"][key] - gains[other][key] for key in keys]
        counts = [sum(lead > 0 for lead in leads), leads.count(0), sum(lead < 0 for lead in leads)]
        assert found.loc[other, ["ahead", "equal", "behind"]].tolist() == counts
        assert found.loc[other, "mean"] == pytest.approx(np.mean(leads))
    assert found["mean"].is_monotonic_increasing


def test_it_is_said_whom_auto_is_behind_and_by_which_measure() -> None:
    cells = made_up({"auto": {A: (2.0, 1.0), B: (2.0, 1.0)}, "kmeans": {A: (1.0, 1.5), B: 2.0},
                     "margin": {A: (0.0, 0.5), B: (0.0, 0.5)}})  # fmt: skip
    text = "\n".join(auto_against_others(cells))
    assert "By AUC `auto` is behind no other on average; nearest is `kmeans`, at +0.50" in text
    assert (
        "By per-class accuracy `auto` is **behind** `kmeans`, -0.75 (moco -0.50, pixels -1.00)"
        in text
    )
    assert "| `kmeans` | 2 | +0.50 | 1 / 1 / 0 | -0.75 | 0 / 0 / 2 |" in text


def test_reasons_are_referred_to_on_the_datasets_that_they_were_written_for() -> None:
    def said(dataset: str) -> str:
        place = (dataset, "pixels", 11)
        cells = made_up({"auto": {place: 1.0}, "kmeans": {place: 2.0}})
        return "\n".join(auto_against_others(cells))

    assert "`docs/decisions.md` says more of it" in said("digits")
    assert "decisions.md" not in said("mine")


def test_auto_is_found_under_the_name_that_it_shares_and_oracles_are_no_rivals() -> None:
    cells = made_up({"auto / uherding": {A: 2.0}, "best_of": {A: 3.0}, "margin": {A: 1.0}})
    assert against(cells, "first", "auc")["strategy"].tolist() == ["margin"]
    assert list(auto_against_others(made_up({"kmeans": {A: 1.0}}))) == []
