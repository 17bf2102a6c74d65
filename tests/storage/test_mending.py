"""What is read back is what was written; the same command makes again what is not."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rayal.cli import encode, sweep
from tests import sweeps


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sweep of two trials that has ended, and its run, as `sweep.yaml` and `run`."""
    folder = tmp_path_factory.mktemp("finished")
    path = sweeps.write_sweep(folder, budgets=[10], seeds=1, learners=["knn"])
    path.rename(folder / "sweep.yaml")
    assert command(folder) == 0
    return folder


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy") / "run"


def command(folder: Path, *more: str) -> int:
    run = str(folder / "run")
    return sweep.main([str(folder / "sweep.yaml"), "--out", run, "--local", "--no-report", *more])


def results(run: Path) -> dict[str, list[tuple[float, list[int]]]]:
    return {
        trial: [(row["auc"], row["selected"]) for row in record["rounds"]]
        for trial, record in sweeps.records(run).items()
    }


def forget_records(run: Path) -> None:
    for path in (run / "records").iterdir():
        path.unlink()


def change_nan(path: Path) -> None:
    np.save(path, np.full_like(np.load(path), np.nan))


def change_reversed(path: Path) -> None:
    np.save(path, np.load(path)[::-1])


ARRAY: dict[str, Callable[[Path], object]] = {
    "gone": Path.unlink,
    "cut short": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: os.truncate(path, 0),
    "NaN": change_nan,
    "reversed": change_reversed,
}


@pytest.mark.parametrize("damage", ARRAY)
def test_features_that_are_not_those_written_are_made_again_and_told(
    run: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    before = results(run)
    [features] = run.glob("artefacts/*/train.npy")
    ARRAY[damage](features)
    forget_records(run)
    assert command(run.parent) == 0
    assert results(run) == before
    told = " ".join(capsys.readouterr().out.split())
    assert f"{features.parent} is damaged (train.npy is" in told
    assert f"lies in {features.parent}.set-aside now, and is made again" in told


def test_features_without_hashes_that_are_not_finite_are_made_again(run: Path) -> None:
    """As an earlier version left them."""
    before = results(run)
    [features] = run.glob("artefacts/*/train.npy")
    (features.parent / "whole.json").unlink()
    change_nan(features)
    forget_records(run)
    assert command(run.parent) == 0
    assert results(run) == before


def test_the_command_for_encoders_makes_them_again_too(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    [features] = run.glob("artefacts/*/train.npy")
    before = features.read_bytes()
    change_nan(features)
    arguments = [str(run.parent / "sweep.yaml"), "--out", str(run)]
    assert encode.main([*arguments, "--show"]) == 2
    assert "train.npy is not what was written" in capsys.readouterr().err.replace("\n", " ")
    assert encode.main(arguments) == 0
    assert features.read_bytes() == before


RECORD: dict[str, Callable[[Path, Path], object]] = {
    "a folder": lambda path, _: (path.unlink(), path.mkdir()),
    "a pipe": lambda path, _: (path.unlink(), os.mkfifo(path)),
    "endless": lambda path, _: (path.unlink(), path.symlink_to("/dev/zero")),
    "cut short": lambda path, _: os.truncate(path, 100),
    "without rounds": lambda path, _: path.write_text(
        json.dumps({**json.loads(path.read_text()), "rounds": []})
    ),
    "another trial's": lambda path, other: shutil.copy(other, path),
    "another trial's under this id": lambda path, other: path.write_text(
        json.dumps({**json.loads(other.read_text()), "trial": path.stem})
    ),
}


@pytest.mark.parametrize("damage", RECORD)
def test_a_record_that_is_not_the_one_written_is_set_aside_and_its_trial_runs_again(
    run: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    before = results(run)
    path, other = sorted((run / "records").glob("*.json"))
    RECORD[damage](path, other)
    assert command(run.parent) == 0
    assert results(run) == before
    told = " ".join(capsys.readouterr().out.split())
    assert f"{path.name}.set-aside now, and its trial runs again" in told
    assert "2 trials, 1 done already" in told


def test_rounds_of_another_trial_are_not_gone_on_with(run: Path) -> None:
    before = results(run)
    path, other = sorted((run / "records").glob("*.json"))
    record = json.loads(other.read_text())
    (run / "partial" / path.name).write_text(json.dumps({**record, "trial": path.stem}))
    path.unlink()
    assert command(run.parent) == 0
    assert results(run) == before


@pytest.mark.parametrize("name", ["x.log", "{trial}.log"])
def test_a_folder_among_failures_costs_nothing(run: Path, name: str) -> None:
    trial = next(iter(results(run)))
    (run / "failures" / name.format(trial=trial)).mkdir()
    assert command(run.parent) == 0
    (run / "records" / f"{trial}.json").unlink()
    assert command(run.parent) == 0
    assert len(results(run)) == 2


def test_a_trial_that_fails_where_a_folder_is_in_the_way_still_leaves_its_trace(
    run: Path,
) -> None:
    more = ("--set", "plugins=[plugin.py]", "--set", "strategies=[poisoned]")
    assert command(run.parent, *more) == 1
    [log] = (run / "failures").glob("*.log")
    log.unlink()
    log.mkdir()
    assert command(run.parent, *more) == 1
    assert "the poison" in log.read_text()


def test_a_folder_of_a_person_is_refused_with_one_line_and_left_alone(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    person = tmp_path / "person"
    (person / "records").mkdir(parents=True)
    (person / ".notes.0badcafe.tmp").write_text("mine")
    (person / "log.jsonl").write_text("mine")
    assert command(run.parent, "--out", str(person)) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert (person / ".notes.0badcafe.tmp").read_text() == "mine"
    assert (person / "log.jsonl").read_text() == "mine"


@pytest.mark.parametrize("name", [".lock", "log.jsonl"])
def test_a_link_in_a_run_is_not_written_through(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (run / name).unlink(missing_ok=True)
    (run / name).symlink_to(precious)
    assert command(run.parent) == 2
    told = capsys.readouterr().err
    assert name in told
    assert "remove it" in told
    assert precious.read_text() == "precious"


IMAGES: dict[str, Callable[[Path], object]] = {
    **{name: change for name, change in ARRAY.items() if name != "NaN"},  # integers have none
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "its folder gone": lambda path: shutil.rmtree(path.parent),
    "its folder a file": lambda path: (shutil.rmtree(path.parent), path.parent.write_text("x")),
}


@pytest.mark.parametrize(
    ("damage", "name"),
    [*((damage, "labels.npy") for damage in IMAGES), ("empty", "thumbnails.npy")],
)
def test_images_that_are_not_those_written_are_made_again_though_all_trials_are_done(
    run: Path, capsys: pytest.CaptureFixture[str], damage: str, name: str
) -> None:
    [path] = run.glob(f"datasets/*/{name}")
    before = path.read_bytes()
    IMAGES[damage](path)
    assert command(run.parent) == 0
    assert path.read_bytes() == before
    told = " ".join(capsys.readouterr().out.split())
    assert "all 2 trials are done already" in told
    if damage != "its folder gone":
        assert f"lies in {path.parent}.set-aside now, and is made again" in told


def test_images_without_hashes_whose_labels_cannot_be_read_are_made_again(run: Path) -> None:
    [path] = run.glob("datasets/*/labels.npy")
    before = path.read_bytes()
    (path.parent / "whole.json").unlink()
    os.truncate(path, 10)
    assert command(run.parent) == 0
    assert path.read_bytes() == before


def test_a_file_in_the_place_of_features_is_set_aside(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = results(run)
    [features] = run.glob("artefacts/*")
    shutil.rmtree(features)
    features.write_text("x")
    forget_records(run)
    assert command(run.parent) == 0
    assert results(run) == before
    assert f"{features} is no folder" in " ".join(capsys.readouterr().out.split())


def test_pipes_in_the_place_of_arrays_are_not_waited_for(run: Path) -> None:
    """Without hashes, as of an earlier version: the arrays themselves are looked at."""
    before = results(run)
    for path in (*run.glob("artefacts/*/*.npy"), *run.glob("datasets/*/*.npy")):
        (path.parent / "whole.json").unlink(missing_ok=True)
        path.unlink()
        os.mkfifo(path)
    forget_records(run)
    assert command(run.parent) == 0
    assert results(run) == before
