import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from analysis.page.typeset import PrintedCell, PrintedTable, latex_table, markdown_table
from analysis.report import make_report
from analysis.sections.paper_tables import prints
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component, run_with_one_choice

PAPER = r"""\documentclass{article}
\usepackage{booktabs}
\begin{document}
\input{table.tex}
Table~\ref{tab:paper-blood-moco-linear-auc}.
\end{document}
"""
LEVELS = {"random": 0.7, "kmeans": 0.8, "typiclust": 0.801}
ORACLE = {**component("uniform"), "oracle": True}


def values(seed: int) -> dict[str, float]:
    """What strategies reach with a seed."""
    rng = np.random.default_rng(seed)
    return {name: level + rng.normal(0, 0.01) for name, level in LEVELS.items()}


def made(root: Path) -> dict[str, PrintedTable]:
    report = make_report(read_study(root))
    return dict(prints(report.study, report.tables))


@pytest.fixture(scope="module")
def auc(tmp_path_factory: pytest.TempPathFactory) -> PrintedTable:
    """Two strategies that are not told apart, random far below, an oracle above, two budgets."""
    run = RunBuilder(tmp_path_factory.mktemp("run"))
    for budget in (20, 40):
        for seed in range(6):
            for name, value in values(seed).items():
                run.done(run.trial(component(name), seed, [budget]), [value])
            run.done(run.trial(ORACLE, seed, [budget]), [0.95 + 0.001 * seed])
    run.trial(component("kmeans"), 7, [40])  # planned, and not run yet
    return made(run.write())["paper-blood-moco-linear-auc"]


def test_a_row_is_a_strategy_and_a_column_a_number_of_labels(auc: PrintedTable) -> None:
    assert list(auc.values) == ["20", "40"]
    assert [row[0].text for row in auc.rows] == [*LEVELS, "uniform"]
    assert all(len(row) == 4 for row in auc.rows)


def test_the_best_and_what_is_not_told_apart_from_it_are_bold(auc: PrintedTable) -> None:
    bold = {row[0].text: [cell.bold for cell in row[2:]] for row in auc.rows}
    assert bold == {
        "random": [False, False], "kmeans": [True, True], "typiclust": [True, True],
        "uniform": [False, False],
    }  # fmt: skip


def test_values_are_means_with_their_intervals(auc: PrintedTable) -> None:
    cell = auc.rows[0][2]
    assert cell.text == f"{sum(values(seed)['random'] for seed in range(6)) / 6:.3f}"
    low, high = (float(end) for end in cell.small.strip("()").split(", "))
    assert low < float(cell.text) < high


def test_intervals_end_at_the_bounds_of_the_measure_and_the_caption_says_so(
    auc: PrintedTable, tmp_path: Path
) -> None:
    run = RunBuilder(tmp_path)
    for seed, value in enumerate((0.86, 0.99, 0.999)):
        run.done(run.trial(component("random"), seed, [10]), [value])
        run.done(run.trial(component("kmeans"), seed, [10]), [value - 0.1])
    table = made(run.write())["paper-blood-moco-linear-auc"]
    [cell] = [row[2].small for row in table.rows if row[0].text == "random"]
    assert cell.endswith(", 1.000)")
    assert "Intervals are cut at 0 and 1" in table.caption
    assert "Intervals are cut" not in auc.caption


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_latex_compiles_the_table(auc: PrintedTable, tmp_path: Path) -> None:
    compiled(auc, tmp_path)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
@pytest.mark.parametrize("columns", [1, 4, 5, 7])
def test_a_table_is_no_wider_than_the_text_of_an_article(tmp_path: Path, columns: int) -> None:
    names = ["typiclust collapse=0.98 / tcm k=3 unit_length=true space=hidden", "margin", "random"]
    values = [PrintedCell("0.912†", bold=True, small="(0.901, 0.923)")] * columns
    for some in (names, names[1:]):
        rows = [[PrintedCell(name), PrintedCell("20 to 30"), *values] for name in some]
        budgets = [f"{1000 * k:,}" for k in range(columns)]
        table = PrintedTable("A.", "tab:a", ["strategy", "seeds"], "labeled images", budgets, rows)
        assert "Overfull" not in compiled(table, tmp_path)


def test_characters_that_pdflatex_does_not_know_are_told_before_the_table() -> None:
    rows = [[PrintedCell("é λ — 方法"), PrintedCell("0.9")]]
    table = PrintedTable("A.", "tab:a", ["strategy"], "labeled images", ["20"], rows)
    assert latex_table(table).startswith("% pdfLaTeX does not know 方 法: compile with LuaLaTeX")
    rows[0][0] = PrintedCell("é λ —")
    assert latex_table(table).startswith(r"\begin{table}")


def compiled(table: PrintedTable, tmp_path: Path) -> str:
    """Return what pdfLaTeX says of a table."""
    (tmp_path / "table.tex").write_text(latex_table(table))
    (tmp_path / "paper.tex").write_text(PAPER)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "booktabs.sty' not found" in ended.stdout:
        pytest.skip("this LaTeX has no booktabs")
    assert ended.returncode == 0, ended.stdout
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
    return ended.stdout


def test_an_oracle_stands_below_a_rule_and_is_named(auc: PrintedTable) -> None:
    assert auc.bounds == 1
    assert "uniform reads true labels" in auc.caption
    lines = latex_table(auc).splitlines()
    assert lines[lines.index(next(x for x in lines if x.startswith("uniform"))) - 1] == r"\midrule"


def test_what_is_not_complete_is_marked(auc: PrintedTable) -> None:
    marked = {row[0].text: row[3].text for row in auc.rows if "†" in row[3].text}
    assert marked.keys() == {"kmeans"}
    assert "†: not all planned trials are done" in auc.caption


def test_one_choice_has_no_interval_and_the_caption_says_why(tmp_path: Path) -> None:
    table = made(run_with_one_choice(tmp_path).write())["paper-blood-moco-linear-auc"]
    small = {row[0].text: row[2].small for row in table.rows}
    assert small["maxherding"] == ""
    assert small["random"]
    assert "the same images were chosen whatever the seed" in table.caption


def test_cycles_are_a_table_of_their_own_and_their_caption_names_the_one_start(
    tmp_path: Path,
) -> None:
    run = RunBuilder(tmp_path)
    for seed in range(3):
        for name in ("random", "entropy"):
            run.done(run.trial(component(name), seed, [20, 30], initial=component("kmeans")))
    table = made(run.write())["paper-blood-moco-linear-cycles-auc"]
    assert [row[0].text for row in table.rows] == ["random", "entropy"]
    assert "cycles that start with kmeans: mean over seeds" in table.caption
    first = [row[2] for row in table.rows]
    assert all(cell.bold for cell in first)  # one first query: they cannot differ


def test_more_columns_than_a_page_has_stand_in_parts() -> None:
    budgets = [str(10 * k) for k in range(1, 8)]
    row = [PrintedCell("a_b & c"), *(PrintedCell(value, bold=True) for value in budgets)]
    table = PrintedTable("Caption 5 %", "tab:a b", ["strategy"], "labeled images", budgets, [row])
    tex = latex_table(table)
    assert tex.count(r"\begin{tabular}{lrrrr}") == tex.count(r"\begin{tabular}{lrrr}") == 1
    assert tex.count(r"a\_b \& c") == 2
    assert r"\label{tab:a-b}" in tex
    assert r"\caption{Caption 5 \%}" in tex
    assert markdown_table(table).count("**") == 2 * len(budgets)


def test_the_caption_says_that_one_seed_has_no_interval(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for name in ("random", "kmeans"):
        run.done(run.trial(component(name), 0, [20]))
    caption = made(run.write())["paper-blood-moco-linear-auc"].caption
    assert "Without an interval: one seed alone." in caption
    assert "the same images" not in caption


def test_a_row_whose_name_begins_as_an_option_is_no_option_of_the_row_before() -> None:
    rows = [[PrintedCell(name), PrintedCell("0.9")] for name in ("[a] λ", '*b "c"')]
    tex = latex_table(
        PrintedTable("Caption.", "tab:a", ["strategy"], "labeled images", ["20"], rows)
    )
    assert r"{}[a] $\lambda$ & 0.9 \\" in tex
    assert r"{}*b \symbol{34}c\symbol{34} & 0.9 \\" in tex
