"""A run that the first release of the format wrote is read and gone on with by this version."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis.__main__ import main as analyse
from rayal.cli import run_status, status
from rayal.cli.sweep import main as sweep
from rayal.storage.run import RunStore
from tests import sweeps
from tests.golden_numbers import differences

pytestmark = pytest.mark.slow

WRITTEN = Path(__file__).parent.parent / "data" / "run-format-1"
DONE, FAILED = 8, 4
STREAMS = "people's unfinished sweeps would mix two random streams, see tests/test_golden.py"
IDS = (
    "the records of format 1 are not those of this plan: the ids of trials have changed, and "
    "people's finished trials would run again. A new parameter of a component does that, as do "
    "another default, another digest of data or another definition; where results stay the same, "
    "keep the ids as they were; where they do not, raise definition.IDENTITY and say so to people"
)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(WRITTEN, tmp_path / "copy"))


def contents(folder: Path) -> dict[Path, bytes]:
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_status_of_a_run_of_format_1_is_read() -> None:
    found = run_status.read(WRITTEN / "run")
    assert found.trials == run_status.Counts(done=DONE, failed=FAILED)
    assert {(s.dataset, s.encoder, s.state) for s in found.stages} == {
        ("digits", "pixels", "not begun"),
        ("stripes", "moco", "ready"),
    }


def test_a_report_is_made_of_a_run_of_format_1(copy: Path) -> None:
    assert analyse([str(copy / "run")]) == 0
    page = (copy / "run" / "report" / "index.html").read_text()
    assert "there is a stone in the way" in page
    table = (copy / "run" / "tables" / "summary.csv").read_text()
    assert {"digits", "stripes"} <= {line.split(",")[0] for line in table.splitlines()}


def test_an_artefact_of_format_1_is_read() -> None:
    [key] = [path.name for path in (WRITTEN / "run" / "artefacts").iterdir()]
    embedding = RunStore(WRITTEN / "run").artifacts.embedding(key)
    assert embedding.train.shape == (42, 128)
    assert embedding.views is not None
    assert embedding.map is not None
    assert list(embedding.map.confidence) == [0.2, 0.1, 0.05, 0.01, 0.001]


def test_a_sweep_goes_on_with_a_run_of_format_1(copy: Path) -> None:
    before = contents(copy / "run")
    went_on = subprocess.run(
        sweeps.command(Path("sweep.yaml"), Path("run"), "--local"), cwd=copy, timeout=300,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        env=sweeps.environment(),
    )  # fmt: skip
    assert f"12 trials, {DONE} done already" in went_on.stdout, f"{IDS}\n{went_on.stdout}"
    assert went_on.returncode == 0, went_on.stdout
    after = contents(copy / "run")
    kept = [path for path in before if path.parts[0] in ("records", "artefacts")]
    assert all(after[path] == before[path] for path in kept)
    partial = [path for path in before if path.parts[0] == "partial"]
    assert len(partial) == FAILED
    for path in partial:
        rounds = json.loads(after[Path("records") / path.name])["rounds"]
        assert rounds[:1] == json.loads(before[path])["rounds"]
        assert len(rounds) == 2


def measured(record: dict[str, Any]) -> list[dict[str, Any]]:
    """The rounds of a record, without what a clock measured."""
    return [
        {key: value for key, value in row.items() if not key.endswith("_seconds")}
        for row in record["rounds"]
    ]


@pytest.mark.slow
def test_the_records_of_format_1_are_what_this_version_computes(copy: Path) -> None:
    """From scratch, but for the features of a network, whose last digits differ by machine."""
    before = sweeps.records(copy / "run")
    for folder in ("records", "partial", "failures"):
        shutil.rmtree(copy / "run" / folder)
    assert sweeps.run(copy / "sweep.yaml", copy / "run", "--local").returncode == 0
    after = sweeps.records(copy / "run")
    assert len(before) == DONE
    for trial, record in before.items():
        again = after[trial]
        assert again["definition"] == record["definition"]
        for row, new in zip(measured(record), measured(again), strict=True):
            found = differences(row, {key: new.get(key) for key in row}, tolerance=1e-9)
            assert found == [], f"{trial} gives other numbers: {STREAMS}"


@pytest.mark.slow
def test_the_artefact_of_format_1_is_what_this_version_computes(copy: Path) -> None:
    [key] = [path.name for path in (copy / "run" / "artefacts").iterdir()]
    as_then = ["--set", "parts.cycles.encoders.moco.map=query_key"]
    done = sweeps.run_module(copy, "rayal.encode", "sweep.yaml", "--out", "new", *as_then)
    assert done.returncode == 0, done.stdout
    before, after = (RunStore(copy / name).artifacts.embedding(key) for name in ("run", "new"))
    for part in ("train", "test", "views"):
        np.testing.assert_allclose(getattr(after, part), getattr(before, part), atol=1e-3)
    assert before.map is not None
    assert after.map is not None
    assert np.array_equal(after.map.count, before.map.count)
    for name in ("confidence", "variability"):
        old, new = getattr(before.map, name), getattr(after.map, name)
        assert list(new) == list(old)
        for tau in old:
            np.testing.assert_allclose(new[tau], old[tau], atol=1e-3)


@pytest.mark.parametrize("schema", [2, "2", None])
def test_a_run_of_a_later_format_is_refused_with_one_line_and_left_alone(
    copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], schema: object
) -> None:
    run = copy / "run"
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps({**plan, "schema": schema}))
    before = contents(run)
    small = str(sweeps.write_sweep(tmp_path, name="format-1"))
    for command, arguments in (
        (status.main, [str(run)]),
        (analyse, [str(run)]),
        (sweep, [small, "--out", str(run), "--local"]),
    ):
        assert command(arguments) == 2
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert f"{run} is a run in format {schema!r}, and this version of rayal reads" in said
    assert contents(run) == before


def test_a_plan_that_names_no_format_is_one_of_the_first(copy: Path) -> None:
    plan = json.loads((copy / "run" / "plan.json").read_text())
    del plan["schema"]
    (copy / "run" / "plan.json").write_text(json.dumps(plan))
    assert run_status.read(copy / "run").trials.done == DONE
