import csv
import io
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from analysis import export
from analysis.figures.text import MINUS, NONE
from analysis.file_writing import file_writing
from analysis.report import write_all
from tests.analysis.made_up_runs import RunBuilder, component

HOSTILE = [
    "<script>alert(1)</script>", 'a "quoted", name', "two\nlines", "a | b & c_d % $x$ #1 {y} ~^\\",
    "\u202eright to left\u202c שלום", "![image](http://example.org/x.png)", "*bold* `code`",
]  # fmt: skip
FRAME = pd.DataFrame({"name": HOSTILE, "mean_auc": np.linspace(-0.1, 0.5, 7), "n": range(7)})


def test_markdown_keeps_its_columns_whatever_the_names_hold():
    lines = export.to_markdown(FRAME, "A title").splitlines()
    assert lines[0] == "**A title**"
    table = lines[2:]
    assert len(table) == 2 + len(FRAME)
    assert all(line.replace("\\|", "").count("|") == 4 for line in table)
    assert table[1] == "| --- | ---: | ---: |"
    assert "<" not in "".join(table)
    assert "](" not in "".join(table).replace("\\](", "")


def test_marks_that_reorder_text_are_left_out():
    for form in (export.to_markdown, export.to_latex):
        assert "\u202e" not in form(FRAME, "title")
        assert "שלום" in form(FRAME, "title")


def test_latex_is_booktabs_with_every_sign_escaped():
    text = export.to_latex(FRAME, "50 % of A_1")
    assert r"\caption{50 \% of A\_1}" in text
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert r"a \textbar{} b \& c\_d \% \$x\$ \#1 \{y\} \textasciitilde{}" in text
    rows = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(rows) == len(FRAME)
    assert all(row.replace(r"\&", "").count("&") == 2 for row in rows)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(tmp_path):
    plain = FRAME[~FRAME["name"].str.contains("שלום")]
    document = (r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs}"
                r"\begin{document}" + export.to_latex(plain, "A") + r"\end{document}")  # fmt: skip
    (tmp_path / "a.tex").write_text(document)
    subprocess.run(["pdflatex", "-halt-on-error", "a.tex"], cwd=tmp_path, check=True)


def test_numbers_have_four_digits_and_none_is_a_dash():
    frame = pd.DataFrame({"x": [0.123456, -2.0, np.nan], "text": [None, (1, 2), "a"]})
    rows = export.to_markdown(frame, "t").splitlines()[4:]
    none, minus = NONE, MINUS
    assert rows == [f"| 0.1235 | {none} |", f"| {minus}2 | 1, 2 |", f"| {none} | a |"]


def test_an_empty_table_has_its_header():
    empty = pd.DataFrame(columns=["a", "b"])
    assert export.to_markdown(empty, "t").splitlines()[2] == "| a | b |"
    assert r"a & b \\" in export.to_latex(empty, "t")


@pytest.mark.slow
def test_every_table_of_a_run_is_there_in_three_forms(single_query):
    paths = write_all(single_query).tables
    for path in paths:
        assert path.suffix == ".csv"
        assert path.with_suffix(".md").is_file()
        assert path.with_suffix(".tex").is_file()


def test_a_table_too_long_to_print_is_csv_alone(tmp_path):
    long = pd.DataFrame({"x": range(export.MOST_ROWS + 1)})
    with file_writing() as write:
        export.write_tables(tmp_path, {"long": long}, {}, write)
    assert [path.name for path in tmp_path.iterdir()] == ["long.csv"]


@pytest.mark.slow
def test_hostile_names_come_back_from_the_csv_as_they_were(tmp_path):
    run = RunBuilder(tmp_path)
    for number, name in enumerate(HOSTILE):
        for seed in range(2):
            run.done(run.trial(component("hacon", order=name, k=number), seed, [20]))
    write_all(run.write())
    found = pd.read_csv(tmp_path / "tables" / "summary.csv")["strategy"]
    assert [f"hacon k={n} order={name}" for n, name in enumerate(HOSTILE)] == [
        f"hacon k={label.split('k=')[1].split(' ')[0]} order="
        + label.split("order=")[1].split(" k=")[0]
        for label in found
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A0", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", " =1"])
def test_no_name_is_a_formula_in_a_spreadsheet(name):
    text = export.to_csv(pd.DataFrame({"name": [name], name: [1.5], "x": [-0.25]}))
    read = pd.read_csv(io.StringIO(text))
    assert read["name"].tolist() == [f"'{name}"]
    assert list(read) == ["name", f"'{name}", "x"]
    assert read["x"].tolist() == [-0.25]


def test_a_text_that_is_a_number_stays_one():
    assert (
        export.to_csv(pd.DataFrame({"value": ["-1", "+0.5", "none"]})) == "value\n-1\n+0.5\nnone\n"
    )


def test_no_csv_steers_a_terminal():
    frame = pd.DataFrame({"name": ["a\x1b]0;title\x07b", "\x9b31mred", "two\nlines\tand tabs"]})
    read = pd.read_csv(io.StringIO(export.to_csv(frame)))
    assert read["name"].tolist() == ["a]0;titleb", "31mred", "two\nlines\tand tabs"]


@pytest.mark.slow
def test_every_csv_of_a_run_with_hostile_names_is_safe(tmp_path):
    run = RunBuilder(tmp_path)
    for name in ("=cmd", "@x", "\x1b[31mred", "random"):
        for seed in range(2):
            run.done(run.trial(component(name), seed, [20], dataset="-1+1"))
    run.failed(run.trial(component("random"), 9, [20], dataset="-1+1"), "=1+1")
    for path in write_all(run.write()).tables:
        text = path.read_text()
        assert "\x1b" not in text
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        assert not [c for c in cells if c[:1] in "=@" and c]
        assert "-1+1" not in cells
