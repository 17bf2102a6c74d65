"""Curves over the number of labeled images."""

import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from analysis.figures import curves


def summary(strategies: int) -> pd.DataFrame:
    rows = [
        {"strategy": f"s{n}", "initial": f"s{n}", "learner": "linear", "rounds": 1, "done": 3,
         "labelled": labelled, "auc_mean": 0.5 + 0.01 * n, "auc_std": 0.1}
        for n in range(strategies)
        for labelled in (10, 20)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.mark.parametrize(("strategies", "bands"), [(10, 10), (11, 0)])
def test_bands_are_left_out_where_they_would_hide_the_lines(strategies: int, bands: int) -> None:
    table = summary(strategies)
    drawn = curves.curves(table, "auc", "AUC", curves.looks_of(table, "s0"))
    [axis] = drawn.axes
    assert len(axis.lines) == strategies
    assert sum(isinstance(c, PolyCollection) for c in axis.collections) == bands
    assert curves.has_all_bands(table) == (bands > 0)
