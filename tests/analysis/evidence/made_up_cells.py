"""Cells of the evidence with given gains, as `cells` and `read_cells` return them."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.evidence.cells import COLUMNS, MEASURES

CLASSES = 10
ORACLES = {"best_of", "uniform"}


def made_up(
    gains: Mapping[str, Mapping[tuple[str, str, int], Any]], query: str = "first"
) -> pd.DataFrame:
    """Return a row for each strategy, cell (dataset, encoder, labels) and measure.

    gains: a number for both measures, or (by AUC, by accuracy). Gains of a point and more are won,
    of minus a point and less lost.
    """
    return pd.DataFrame(list(_rows(gains, query)), columns=list(COLUMNS))


def _rows(
    gains: Mapping[str, Mapping[tuple[str, str, int], Any]], query: str
) -> Iterator[dict[str, Any]]:
    for strategy, by_cell in gains.items():
        for (dataset, encoder, labelled), both in by_cell.items():
            values = both if isinstance(both, tuple) else (both, both)
            for measure, gain in zip(MEASURES, values, strict=True):
                verdict = "won" if gain >= 1 else "lost" if gain <= -1 else ""
                yield {
                    "query": query, "dataset": dataset, "encoder": encoder, "learner": "logistic",
                    "initial": "" if query == "first" else "auto", "labelled": labelled,
                    "per_class": labelled / CLASSES, "strategy": strategy,
                    "oracle": strategy in ORACLES, "measure": measure, "trials": 50, "choices": 50,
                    "random_trials": 100, "random": 0.7, "gain": gain, "low": gain - 0.5,
                    "high": gain + 0.5, "p": 0.5, "higher_seeds": 30, "lower_seeds": 20,
                    "select_seconds": 0.1, "holm": 0.5, "verdict": verdict,
                    "setting": "",
                }  # fmt: skip
