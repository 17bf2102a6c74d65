"""Every table of a study, by the name of its file."""

from __future__ import annotations

import pandas as pd

from analysis import comparisons, standings, tables
from analysis.savings import annotation_saved
from analysis.sections.papers.compare import paper_tables
from analysis.study.study import Study
from analysis.trainings import over_trainings


def all_tables(study: Study) -> dict[str, pd.DataFrame]:
    """Compute every table of a study; those of the papers are there where a cell fits."""
    summary = tables.summary(study)
    first_last = tables.first_last(study)
    against = comparisons.against_random(study)
    return {
        "progress": tables.progress(study),
        "summary": summary,
        "coverage": tables.coverage(summary),
        "class_distribution": tables.class_distribution(study),
        "against_random": against,
        "power": comparisons.power(against),
        "annotation_saved": annotation_saved(study, summary),
        "aubc": comparisons.aubc(study),
        "over_trainings": over_trainings(study),
        "ranks": standings.ranks(study),
        "overall": standings.overall(study),
        "win_tie_loss": standings.win_tie_loss(study),
        "cycles": tables.cycles(summary),
        "first_last": first_last,
        "correlation": tables.correlation(first_last),
        "failures": tables.failures(study),
        "versions": tables.versions(study),
        **paper_tables(study),
        "records": tables.records(study),
    }
