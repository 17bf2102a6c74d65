"""An earlier table of evidence, to which runs of other data are added."""

import re
from pathlib import Path

import pandas as pd
import pytest

from analysis.evidence.cells import cells
from analysis.evidence.earlier import check_nothing_lost, read_cells, with_earlier
from analysis.evidence.page import write_evidence
from analysis.export import to_csv
from analysis.study.study import Study, read_study
from rayal.cli import evidence
from tests.analysis.evidence.made_up_cells import made_up
from tests.analysis.made_up_runs import RunBuilder, component


def run_of(folder: Path, labels: int, gain: float, strategy: str = "kmeans") -> Path:
    run = RunBuilder(folder)
    for seed in range(6):
        for name, lead in (("random", 0.0), (strategy, gain)):
            run.done(run.trial(component(name), seed, [labels]), [0.7 + lead + 0.002 * seed])
    return run.write()


@pytest.fixture
def earlier_run(tmp_path: Path) -> Path:
    return run_of(tmp_path / "earlier", 5, 0.1)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return read_study(run_of(tmp_path / "later", 20, 0.002))


def test_adding_a_run_to_a_table_gives_the_cells_of_both_runs_read_together(
    earlier_run: Path, study: Study, tmp_path: Path
) -> None:
    _, table = write_evidence(read_study(earlier_run), tmp_path / "docs", "1")
    added = with_earlier(cells(study), read_cells(table))
    together = cells(read_study(earlier_run, tmp_path / "later"))
    assert added["labelled"].tolist() == together["labelled"].tolist()
    for name in ("gain", "low", "high"):
        assert added[name].tolist() == pytest.approx(together[name].tolist(), abs=0.006)
    assert added["holm"].tolist() == pytest.approx(together["holm"].tolist(), rel=0.06)
    assert added["verdict"].tolist() == together["verdict"].tolist()


def test_a_row_that_the_runs_have_too_is_theirs(earlier_run: Path, tmp_path: Path) -> None:
    _, table = write_evidence(read_study(earlier_run), tmp_path / "docs", "1")
    again = cells(read_study(run_of(tmp_path / "again", 5, 0.2)))
    pd.testing.assert_frame_equal(with_earlier(again, read_cells(table)), again)


def test_the_page_says_which_rows_stand_as_they_were(
    earlier_run: Path, study: Study, tmp_path: Path
) -> None:
    _, table = write_evidence(read_study(earlier_run), tmp_path / "docs", "1")
    page, table = write_evidence(study, tmp_path / "docs", "1", read_cells(table))
    assert "2 of 4 rows of `evidence.csv` stand as an earlier table had them" in page.read_text()
    assert len(read_cells(table)) == 4  # and may be added to again


def test_sections_that_the_runs_cannot_make_stand_as_in_the_page_beside_the_table(
    tmp_path: Path,
) -> None:
    run_of(tmp_path / "later", 20, 0.002)
    run = RunBuilder(tmp_path / "whole")
    for seed in range(6):
        run.done(run.trial(component("random"), seed, [40]), [0.9])
        for name in ("random", "kmeans"):
            run.done(run.trial(component(name), seed, [5]), [0.7 + 0.002 * seed])
    docs = tmp_path / "docs"
    assert evidence.main([str(run.write()), "--out", str(docs)]) == 0
    page, table = docs / "evidence.md", docs / "evidence.csv"
    full = "## Full labels\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n"
    page.write_text(page.read_text().replace("## What this", f"{full}## What this"))
    later = str(tmp_path / "later")
    for _ in range(2):  # what was kept is kept again
        assert evidence.main([later, "--out", str(docs), "--add-to", str(table)]) == 0
        added = page.read_text()
        assert added.count("## Full labels\n\nAs the earlier page had it, for the runs") == 1
        assert added.count("| 1 | 2 |") == 1
    records = r"from the records of the sweep `\w+`: \d+ trials"
    assert re.search(f"had them, which was written {records}, and {records}; the runs", added)


def test_the_command_keeps_the_rows_of_the_table_that_it_adds_to(
    earlier_run: Path, study: Study, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    assert evidence.main([str(earlier_run), "--out", str(docs)]) == 0
    table = docs / "evidence.csv"
    run = str(tmp_path / "later")
    assert evidence.main([run, "--out", str(docs), "--add-to", str(table)]) == 0
    assert sorted(set(read_cells(table)["labelled"])) == [5, 20]
    [absent] = re.findall("Strategies not asked: (.*)", (docs / "evidence.md").read_text())
    assert "hacon" in absent
    assert "kmeans" not in absent.replace("multi_kmeans", "")
    assert "best_of" not in absent  # an oracle


def test_another_file_is_no_table_of_evidence(
    study: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.csv"
    other.write_text("strategy,gain\nkmeans,1\n")
    run = str(tmp_path / "later")
    assert evidence.main([run, "--out", str(tmp_path / "docs"), "--add-to", str(other)]) == 2
    assert "has no column query, dataset" in capsys.readouterr().err
    assert not (tmp_path / "docs" / "evidence.csv").exists()


@pytest.mark.parametrize(
    ("column", "cell", "needed"),
    [
        ("labelled", "many", "a number"),
        ("trials", "nan", "a number"),
        ("p", "1e-", "a number"),
        ("oracle", "", "one of 'True', 'False'"),
        ("query", "x", "one of 'first', 'later'"),
        ("verdict", "wins", "one of '', 'won', 'lost'"),
    ],
)
def test_a_cell_that_rayal_does_not_write_is_refused_by_its_line(
    earlier_run: Path, tmp_path: Path, column: str, cell: str, needed: str
) -> None:
    _, table = write_evidence(read_study(earlier_run), tmp_path / "docs", "1")
    frame = pd.read_csv(table, dtype=str, keep_default_na=False)
    frame.loc[1, column] = cell
    frame.to_csv(table, index=False)
    with pytest.raises(ValueError, match=f"line 3: {column} is '{cell}', and must be {needed}"):
        read_cells(table)


def test_a_row_that_stands_twice_is_refused_and_so_is_a_column(
    earlier_run: Path, tmp_path: Path
) -> None:
    _, table = write_evidence(read_study(earlier_run), tmp_path / "docs", "1")
    first, *rows = table.read_text().splitlines()
    table.write_text("\n".join([first, *rows, rows[0]]) + "\n")
    with pytest.raises(ValueError, match=f"line {len(rows) + 2}: an earlier line is of the same"):
        read_cells(table)
    table.write_text("\n".join(f"{line},{line.split(',')[0]}" for line in [first, *rows]) + "\n")
    with pytest.raises(ValueError, match="has two columns 'query'"):
        read_cells(table)


def test_strategies_that_share_a_row_in_one_of_two_tables_count_once(tmp_path: Path) -> None:
    place = {("blood", "moco", 5): 2.0}
    apart = made_up({"typiclust": place, "tcm": place, "kmeans": place})
    joint = made_up({"typiclust / tcm": place})
    added = with_earlier(joint, apart)
    assert sorted(set(added["strategy"])) == ["kmeans", "typiclust / tcm"]
    again = with_earlier(made_up({"typiclust": place}), joint)
    assert sorted(set(again["strategy"])) == ["tcm", "typiclust"]
    table = tmp_path / "evidence.csv"
    table.write_text(to_csv(apart))
    check_nothing_lost(table, added)
    with pytest.raises(ValueError, match=r"2 rows that these runs do not have, such as .*kmeans"):
        check_nothing_lost(table, joint)
