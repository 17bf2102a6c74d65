"""An interrupted run that rayal 0.1.0 wrote is read, reported, shown and gone on with."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.__main__ import main as analyse
from rayal.cli import status
from tests import sweeps

pytestmark = pytest.mark.slow

WRITTEN = Path(__file__).parent.parent / "data" / "run-0.1.0"
TRIALS, DONE = 42, 29
NUMBERS = (
    "a statistic of a run that people have is another one now. If that is not meant, undo it; if "
    "it is (a wrong number is put right), copy the new table over tests/data/run-0.1.0/tables and "
    "say so to people"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, tmp_path / "copy"))


def kept(run: Path) -> dict[Path, bytes]:
    """What going on with a run must leave as it is."""
    folders = (run / "records", run / "artefacts")
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(run): path.read_bytes() for path in files}


def test_its_status_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert status.main([str(WRITTEN / "run")]) == 0
    shown = capsys.readouterr().out
    assert f"run-0.1.0: {DONE} of {TRIALS} trials done" in shown
    assert "1 failed" in shown
    for words in ("digits-lt80-aside0.04", "patches", "set_aside, then margin", "probcover"):
        assert words in shown


def test_it_is_loaded_with_a_row_for_each_round() -> None:
    table = analysis.load(WRITTEN / "run")
    assert table["trial"].nunique() == DONE
    expected = pd.read_csv(WRITTEN / "tables" / "records.csv")
    same = ["auc", "accuracy", "pool_error", "coverage", "class_entropy", "l1_score"]
    for name in same:
        np.testing.assert_allclose(table[name], expected[name], rtol=1e-12)


def components_alone(table: pd.DataFrame) -> pd.DataFrame:
    """Leave parameters out of the names of settings: how many of them are said may change."""
    return table.replace(r" [\w.]+=({.*?}|[^\s,]+)", "", regex=True)


# Uncertainty is over distinct choices since; 0.1.0 counted seeds that chose the same images apart.
OF_CHOICES = {
    "against_random": {
        "std", "low", "high", "all_low", "all_high", "n", "effect", "least_p", "comparisons",
        *(f"{kind}_{test}" for kind in ("p", "holm")
          for test in ("student", "permutation", "wilcoxon", "welch")),
    },
    "annotation_saved": {"saved_low", "saved_high", "not_reached"},
    "aubc": {"low", "high", "n_pairs"},
    "overall": {"low", "high"},
    "power": {"n", "std", "detectable", "seeds_for_seen", "seeds_for_0.01"},
    "summary": {"auc_low", "auc_high"},
    "win_tie_loss": {"wins", "ties", "losses", "untested"},
}  # fmt: skip


@pytest.mark.slow
def test_its_tables_hold_the_numbers_they_held(copy: Path) -> None:
    assert analyse([str(copy / "run")]) == 0
    page = (copy / "run" / "report" / "index.html").read_text()
    assert "there is a stone in the way" in page
    for path in sorted((WRITTEN / "tables").glob("*.csv")):
        before = components_alone(pd.read_csv(path))
        after = components_alone(pd.read_csv(copy / "run" / "tables" / path.name))
        missing = before.columns.difference(after.columns)
        assert missing.empty, f"{path.name} has lost {list(missing)}, which people's scripts read"
        same = before.columns.difference(OF_CHOICES.get(path.stem, set()), sort=False)
        pd.testing.assert_frame_equal(
            after[same], before[same], rtol=1e-9, atol=1e-12,
            obj=f"{path.name} ({NUMBERS}):",
        )  # fmt: skip


@pytest.mark.slow
def test_it_is_gone_on_with_as_it_would_have_been(copy: Path) -> None:
    run = copy / "run"
    before = kept(run)
    partial = {p.stem: json.loads(p.read_text()) for p in (run / "partial").glob("*.json")}
    assert len(partial) == 4
    went_on = sweeps.run(copy / "sweep.yaml", run, "--local")
    assert f"{TRIALS} trials, {DONE} done already" in went_on.stdout, went_on.stdout
    assert went_on.returncode == 0, went_on.stdout
    after = kept(run)
    assert {path: after[path] for path in before} == before
    records = sweeps.records(run)
    for trial, record in partial.items():
        rounds = record["rounds"]
        assert records[trial]["rounds"][: len(rounds)] == rounds
    chosen = json.loads((WRITTEN / "went_on.json").read_text())
    assert chosen.keys() == records.keys() - {path.stem for path in before}
    for trial, rounds in chosen.items():
        assert [row["selected"] for row in records[trial]["rounds"]] == rounds
    assert not list((run / "partial").iterdir())
    assert not list((run / "failures").iterdir())


def test_its_embeddings_are_read() -> None:
    """By the library that anyone would use, for they are people's files too."""
    for folder in (WRITTEN / "run" / "artefacts").iterdir():
        train = np.load(folder / "train.npy")
        assert train.dtype == np.float32
        assert len(train) == len(np.load(folder / "labels.npy"))
