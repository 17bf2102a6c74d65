"""Records -> frame -> statistics -> tables -> figures -> report.

    frame.py      runs' records as a DataFrame: a row per trial and round; labels.py: its names;
                  union.py: several runs as one
    stats.py      arrays -> numbers: means, intervals, correlations; bootstrap.py: resampled;
                  paired.py: tests, correction, power; ranks.py: over datasets;
                  budget_curves.py: areas, labels saved
    tables.py     frames -> tables of statistics; comparisons.py, savings.py: strategies against
                  random; standings.py: over all datasets
    papers.py     the papers' tables beside what they print; matching.py, measured.py: what of a
                  study belongs there; published/: the printed values
    catalogue.py  every table; exports.py: as CSV, Markdown and LaTeX
    pool.py       what an artefact holds of the images; planes.py: a pool in a plane;
                  ablations.py: parameters that vary alone; picture_tables.py: these as tables
    style.py      one look; hover.py: values on marks; visible.py: names that can be drawn
    figures/      tables -> pictures; drafts.py, record_drafts.py, pool_drafts.py: which and with
                  what words; gallery.py: all of them
    findings.py   tables -> sentences; cells.py, views.py, *_views.py: tables -> what the page shows
    report.py     all of it into one page

Statistics never draw, figures never compute, and every number on the page stands in a CSV.
"""

from analysis.study.study import load, progress
from analysis.tables import summary_rows

__all__ = ["load", "progress", "summary_rows"]
