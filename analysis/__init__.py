"""Records -> frame -> statistics -> tables -> figures -> report.

    frame.py     a run's records as a DataFrame: a row per trial and round; labels.py: its names
    stats.py     arrays -> numbers
    tables.py    frames -> tables of statistics; comparisons.py: strategies against random
    style.py     one look; curves.py, figures.py: tables -> pictures; gallery.py: all of them
    findings.py  tables -> sentences; views.py: tables -> what the page shows
    report.py    all of it into one page

Statistics never draw, figures never compute, and every number on the page stands in a CSV.
"""

from analysis.frame import load, progress
from analysis.tables import summary_rows

__all__ = ["load", "progress", "summary_rows"]
