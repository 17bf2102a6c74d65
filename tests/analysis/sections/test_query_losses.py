"""Entropy and L1 loss of a query over lambda, from records that have them."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.sections import query_losses
from analysis.sections.query_losses import LAMBDA
from analysis.study.study import read_study
from rayal.sweep.names import KINDS


def study(lambdas: tuple[float | str | None, ...], *, rounds: int = 3) -> SimpleNamespace:
    """Three seeds of entropy at each lambda; records of the first round have no losses."""
    rng, rows = np.random.default_rng(0), []
    for weight in lambdas:
        label = "entropy" if weight is None else f"entropy class_balanced.lambda={weight}"
        for seed in range(3):
            for number in range(rounds):
                losses = rng.random(2) if number else (np.nan, np.nan)
                names = dict.fromkeys(KINDS, "x") | {"strategy": "entropy"}
                labels = {f"{kind}_label": "x" for kind in KINDS} | {"strategy_label": label}
                rows.append(
                    {**names, **labels, "seed": seed, "rounds": rounds, "round": number,
                     "labelled": 10 * number + 10, LAMBDA: weight,
                     "query_entropy": losses[0], "query_l1_loss": losses[1]}
                )  # fmt: skip
    return SimpleNamespace(rounds=pd.DataFrame(rows), baseline="random")


def test_losses_are_averaged_over_seeds_by_strategy_and_labels() -> None:
    given = study((None, 0.5, 2.0, "auto"))
    table = query_losses.losses_of(given)  # type: ignore[arg-type]
    assert len(table) == 4 * 2  # the first query was scored by no learner
    assert (table["n"] == 3).all()
    for row in table.to_dict("records"):
        same = given.rounds[
            (given.rounds["strategy_label"] == row["strategy"])
            & (given.rounds["round"] == row["round"])
        ]
        for loss in query_losses.LOSSES:
            assert row[f"{loss}_mean"] == pytest.approx(np.mean(same[loss]))
            assert row[f"{loss}_std"] == pytest.approx(np.std(same[loss], ddof=1))
    assert table["lambda"].dropna().unique().tolist() == [0.5, 2.0]


def test_the_figure_has_a_curve_over_lambda_and_a_level_of_each_other_strategy() -> None:
    given = study((None, 0.5, 2.0, "auto"))
    table = query_losses.losses_of(given)  # type: ignore[arg-type]
    [spec] = query_losses.figures(given, {"query_losses": table})  # type: ignore[arg-type]
    first = table[table["round"] == 1]
    for axis, loss in zip(spec.draw().axes, query_losses.LOSSES, strict=True):
        curve, *levels = (line for line in axis.lines if len(line.get_xdata()) > 1)
        with_weight = first[first["lambda"].notna()]
        np.testing.assert_allclose(curve.get_xdata(), with_weight["lambda"])
        np.testing.assert_allclose(curve.get_ydata(), with_weight[f"{loss}_mean"])
        heights = {float(line.get_ydata()[0]) for line in levels if line.get_linestyle() == "--"}
        assert heights == set(first.loc[first["lambda"].isna(), f"{loss}_mean"])


def test_one_lambda_makes_no_curve() -> None:
    given = study((None, 0.5))
    tables = query_losses.tables(given, {})  # type: ignore[arg-type]
    assert "query_losses" in tables
    assert list(query_losses.figures(given, tables)) == []  # type: ignore[arg-type]


def test_runs_without_the_losses_have_no_such_table(cycles) -> None:
    recorded = read_study(cycles)
    assert query_losses.tables(recorded, {}) == {}
    assert list(query_losses.figures(recorded, {})) == []
