"""The planes of queries from records that have them."""

from pathlib import Path

import pandas as pd
import pytest

from analysis.sections import learned_planes
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


def run(folder: Path, strategies: tuple[str, ...] = ("random", "entropy"), rounds: int = 7) -> Path:
    made = RunBuilder(folder)
    schedule = list(range(10, 10 * rounds + 1, 10))
    for strategy in strategies:
        trial = made.trial(component(strategy), 0, schedule, initial=component("random"))
        made.done(trial, [0.7] * rounds)
        for row in made.records[trial]["rounds"][1:]:
            index = [*row["selected"][:2], 990, 991]
            row["query_plane"] = {"index": index, "x": [0.0, 1.0, 2.0, 3.0], "y": [0.5] * 4}
    return made.write()


def test_a_row_is_an_image_of_a_plane_and_says_whether_its_query_chose_it(tmp_path: Path) -> None:
    study = read_study(run(tmp_path / "run"))
    table = learned_planes.planes_of(study)
    assert len(table) == 2 * 6 * 4
    assert (table.groupby(["strategy", "round"])["chosen"].sum() == 2).all()
    first = table[table["round"] == 1]
    assert set(first["labeled_before"]) == {10}


def test_the_figure_has_a_row_per_strategy_and_rounds_from_the_first_to_the_last(
    tmp_path: Path,
) -> None:
    study = read_study(run(tmp_path / "run"))
    tables = learned_planes.tables(study, {})
    [spec] = learned_planes.figures(study, tables)
    axes = spec.draw().axes
    assert len(axes) == 2 * learned_planes.MOST_ROUNDS
    assert [axis.get_title() for axis in axes[:5]] == [
        "10 labels", "20 labels", "30 labels", "50 labels", "60 labels",
    ]  # fmt: skip
    chosen = [len(dots.get_offsets()) for dots in axes[0].collections]
    assert sorted(chosen) == [2, 2]


def test_runs_that_recorded_no_plane_have_no_such_table(cycles: Path) -> None:
    study = read_study(cycles)
    assert learned_planes.tables(study, {}) == {}
    assert list(learned_planes.figures(study, {})) == []


def test_of_strategies_beyond_the_most_the_first_are_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learned_planes, "MOST_STRATEGIES", 1)
    tables = learned_planes.tables(read_study(run(tmp_path / "run")), {})
    assert isinstance(tables["learned_planes"], pd.DataFrame)
    [spec] = learned_planes.figures(None, tables)  # type: ignore[arg-type]
    assert len(spec.draw().axes) == learned_planes.MOST_ROUNDS
