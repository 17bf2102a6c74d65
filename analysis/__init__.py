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

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.study.study import load as load
    from analysis.study.study import progress as progress
    from analysis.study.summary import summary_rows as summary_rows

__all__ = ["load", "progress", "summary_rows"]
_MODULES = {
    "load": "analysis.study.study",
    "progress": "analysis.study.study",
    "summary_rows": "analysis.study.summary",
}


def __getattr__(name: str) -> object:
    """Import a front door on first use: processes that draw, and --help, wait for no other part."""
    if name not in _MODULES:
        raise AttributeError(f"module 'analysis' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)
