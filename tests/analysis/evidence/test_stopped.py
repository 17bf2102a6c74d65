"""What the evidence says of strategies that `prune` stopped."""

from pathlib import Path

import pytest

from analysis.evidence.page import write_evidence
from analysis.figures.text import NONE
from analysis.study.study import Study, read_study
from rayal.cli import evidence
from rayal.storage.stopped import Stopped, save_pruning
from tests.analysis.evidence.made_up_cells import made_up
from tests.analysis.made_up_runs import RunBuilder, component

STOPPED = f"| `kmeans` | blood | moco | linear | {NONE} | 5 | 6 of 6 |"


def pruned(folder: Path, strategy: str) -> Study:
    """A run in which a strategy was stopped at 5 labels, and did well at 20."""
    run = RunBuilder(folder)
    spared, trials = [], []
    for labels in (5, 20):
        for seed in range(8):
            for name in ("random", "auto", "kmeans"):
                trial = run.trial(component(name), seed, [labels])
                if (name, labels) == (strategy, 5):
                    trials.append(trial)
                    if seed > 5:
                        spared.append(trial)
                        continue
                lead = 0.1 if name != "random" else 0.0
                run.done(trial, [0.7 + lead + 0.001 * ((3 * seed + len(name)) % 5)])
    one = Stopped(
        dataset="blood", encoder="moco", learner="linear", initial=strategy, strategy=strategy,
        schedule=[5], measure="auc", pairs=6, lost=6, won=0, evidence=64.0, needed=40.0,
        difference=-0.1, trials=trials, spared=spared,
    )  # fmt: skip
    root = run.write()
    save_pruning(root, {"level": 0.05, "comparisons": 2, "stopped": [one]})
    return read_study(root)


def test_the_page_says_who_was_stopped_and_that_its_means_are_too_good(tmp_path: Path) -> None:
    page, _ = write_evidence(pruned(tmp_path / "run", "kmeans"), tmp_path / "docs", "3")
    text = page.read_text()
    assert "## Stopped by pruning\n\n`prune` stopped these strategies there" in text
    assert STOPPED in text
    assert "| `kmeans` | 1 | +10.0 |" in text.replace("+9.9", "+10.0").replace("+10.1", "+10.0")


def test_the_bar_is_not_reached_where_auto_was_stopped(tmp_path: Path) -> None:
    page, _ = write_evidence(pruned(tmp_path / "run", "auto"), tmp_path / "docs", "3")
    assert "It is **not reached**: `auto` was stopped in cells that" in page.read_text()


def test_pruned_runs_are_added_to_no_table(tmp_path: Path) -> None:
    study = pruned(tmp_path / "run", "kmeans")
    earlier = made_up({"kmeans": {("digits", "pixels", 5): 1.0}})
    with pytest.raises(ValueError, match=r"prune stopped kmeans where .*--set prune=null"):
        write_evidence(study, tmp_path / "docs", "3", earlier)


def test_the_section_stays_when_other_runs_are_added_to_the_table(tmp_path: Path) -> None:
    docs, other = tmp_path / "docs", RunBuilder(tmp_path / "other")
    write_evidence(pruned(tmp_path / "run", "kmeans"), docs, evidence_version())
    for seed in range(3):
        for name in ("random", "kmeans"):
            other.done(other.trial(component(name), seed, [5], dataset="digits"))
    run, table = str(other.write()), str(docs / "evidence.csv")
    assert evidence.main([run, "--out", str(docs), "--add-to", table]) == 0
    assert STOPPED in (docs / "evidence.md").read_text()


def evidence_version() -> str:
    from rayal.strategies.auto import EVIDENCE

    return EVIDENCE
