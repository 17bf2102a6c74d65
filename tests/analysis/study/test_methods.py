from pathlib import Path

from analysis.report import make_report, page_of
from analysis.study.methods import methods
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


def told(root: Path) -> str:
    report = make_report(read_study(root))
    return methods(report.study, report.tables["summary"])


def test_the_sentences_name_what_was_compared_and_over_how_many_seeds(tmp_path: Path) -> None:
    run = RunBuilder(tmp_path)
    for name, seeds in (("random", 6), ("kmeans", 3)):
        for budget in (20, 1000):
            for seed in range(seeds):
                run.done(run.trial(component(name), seed, [budget]), [0.7 + 0.01 * seed])
    text = told(run.write())
    assert "chosen at once: 20 and 1,000 of blood, by random and kmeans, with 3 to 6 seeds" in text
    assert "linear learned from the labels, on features of moco." in text
    assert "stopped early" not in text


def test_cycles_are_told_apart_from_single_queries(cycles: Path) -> None:
    text = told(cycles)
    assert "in rounds, up to " in text
    assert "at once" not in text


def test_the_page_has_the_sentences_below_the_tables(single_query: Path) -> None:
    page = page_of(make_report(read_study(single_query)))
    assert page.index("booktabs") < page.index("For the methods section:")
