"""Records -> frames -> statistics -> tables and figures -> report.

    study/       runs' records as frames: names, groups, means, several runs as one
    statistics/  arrays -> numbers: intervals, tests, correlations, rankings, projections
    sections/    a file for each section of the report: its tables, figures, sentences, and page
    figures/     one look, values on marks; tables -> pictures
    page/        tables and blocks -> HTML
    export.py    tables as CSV, Markdown and LaTeX
    report.py    all of it into one page

Statistics never draw, figures never compute, and every number on the page stands in a CSV.
"""

from analysis.study.study import load, progress
from analysis.study.summary import summary_rows

__all__ = ["load", "progress", "summary_rows"]
