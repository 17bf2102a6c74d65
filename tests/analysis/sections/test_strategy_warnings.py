"""What strategies warned of is in the report, by strategy and how often."""

from pathlib import Path

from analysis.sections.strategy_warnings import strategy_warnings, tables
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


def run_with_warnings(root: Path) -> Path:
    run = RunBuilder(root)
    for name in ("random", "probcover"):
        for seed in range(3):
            trial = run.done(run.trial(component(name), seed, [20, 40]))
            if name == "probcover":
                for row in run.records[trial]["rounds"]:
                    row["warnings"] = ["each covers <itself>", *(["few"] if seed else [])]
    return run.write()


def test_a_warning_counts_once_a_trial(tmp_path: Path) -> None:
    rows = strategy_warnings(read_study(run_with_warnings(tmp_path)))
    assert rows[["strategy", "warning", "trials"]].to_numpy().tolist() == [
        ["probcover", "each covers <itself>", 3],
        ["probcover", "few", 2],
    ]


def test_without_a_warning_there_is_no_table(single_query: Path) -> None:
    assert tables(read_study(single_query), {}) == {}
