"""The benchmark of the analysis makes a run that the analysis reads."""

from pathlib import Path

from analysis.study.study import read_study
from benchmarks.analysis import make_run


def test_every_record_of_the_made_up_run_counts(tmp_path: Path) -> None:
    make_run(tmp_path, 50)
    study = read_study(tmp_path)
    assert study.progress.done == study.progress.planned == len(study.rounds) == 50
