"""How many classes have how many labeled images."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.figures.style import lines
from analysis.sections import occurrences
from analysis.study.study import read_study

C = 25


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two seeds of two strategies, 50 labels of 25 classes."""
    rng = np.random.default_rng(0)
    rows = []
    for strategy, equal in (("uniform", True), ("random", False)):
        for seed in range(2):
            drawn = np.repeat(np.arange(C), 2) if equal else rng.integers(C, size=50)
            counts = np.bincount(drawn, minlength=C).tolist()
            rows.append(
                {"dataset": "d", "encoder": "e", "learner": "l", "initial": strategy,
                 "strategy": strategy, "rounds": 1, "round": 0, "labelled": 50, "seed": seed,
                 "class_counts": counts}
            )  # fmt: skip
    return pd.DataFrame(rows)


def counted(frame: pd.DataFrame) -> pd.DataFrame:
    study = SimpleNamespace(
        distinct_rounds=frame, rounds=frame, baseline="random", oracles=frozenset()
    )
    return occurrences.class_occurrences(study)  # type: ignore[arg-type]


def test_classes_are_counted_trial_by_trial_and_averaged(frame: pd.DataFrame) -> None:
    table = counted(frame)
    uniform = table[table["selection"] == "uniform"].set_index("occurrences")
    assert uniform["classes"].to_dict() == {0: 0, 1: 0, 2: C, 3: 0}
    random = table[table["selection"] == "random"].set_index("occurrences")
    trials = frame.loc[frame["strategy"] == "random", "class_counts"]
    for k in random.index:
        assert random["classes"][k] == pytest.approx(np.mean([c.count(k) for c in trials]))
    assert random["classes"].sum() == pytest.approx(C)
    assert (random["trials"] == 2).all()


def test_data_with_few_classes_have_no_such_table(single_query) -> None:
    study = read_study(single_query)
    assert occurrences.tables(study, {}) == {}
    assert list(occurrences.figures(study, {})) == []


def test_the_figure_has_a_line_for_each_selection_and_marks_equal_numbers(
    frame: pd.DataFrame,
) -> None:
    table = counted(frame)
    study = SimpleNamespace(baseline="random")
    [spec] = occurrences.figures(study, {"class_occurrences": table})  # type: ignore[arg-type]
    assert "2 selections" in spec.alt
    figure = spec.draw()
    [axis] = [axis for axis in figure.axes if axis.get_title() == "50 labeled images"]
    marked, *drawn = axis.get_lines()
    assert marked.get_xdata() == [2, 2]
    assert [line.get_label() for line in drawn] == list(lines(["uniform", "random"], "random"))
    assert drawn[0].get_ydata().tolist() == [0, 0, C, 0]
