from pathlib import Path
from typing import Any

import pytest

from rayal.cli import sweep
from rayal.events import trackers
from rayal.events.trackers import check_trackers, open_trackers, refuse_secrets
from rayal.sweep.errors import SweepError
from rayal.sweep.file import Sweep, load_sweep
from tests import sweeps
from tests.events.tracker_checks import needs
from tests.scripts import run_script


def tracked(folder: Path, **track: str) -> Sweep:
    return load_sweep(sweeps.write_sweep(folder, track=track))


def test_a_tracker_that_is_not_installed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: None)
    for option, value in (("mlflow", "sqlite:///x.db"), ("tensorboard", "x"), ("wandb", "offline")):
        with pytest.raises(SweepError, match=rf"pip install 'rayal\[{option}\]'"):
            open_trackers(tracked(tmp_path, **{option: value}), tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SweepError, match=r"track\.tensorboard cannot be used"):
        open_trackers(tracked(tmp_path, tensorboard=str(tmp_path / "file/x")), tmp_path)


@needs("mlflow")
@pytest.mark.slow
def test_a_server_that_does_not_answer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    asked = tracked(tmp_path, mlflow="http://127.0.0.1:9")
    with pytest.raises(SweepError, match=r"track\.mlflow cannot be used"):
        open_trackers(asked, tmp_path)


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:s3cret@host",
        "https://s3cret@host/",
        "HTTPS://:s3cret@host",
        "https:/me:s3cret@host",
        "http:\\\\me:s3cret@host",
        "https://host/?token=s3cret",
        "https://host/path;token=s3cret",
        "https://host/#s3cret",
        "sqlite:///runs.db?password=s3cret",
        "postgresql+psycopg2://me:s3cret@host/db",
        "databricks://s3cret@profile",
        "me:s3cret@host",
        "https://me%3As3cret%40host",
        "https://host/%3Ftoken=s3cret",
        "https://host/token=s3cret",
    ],
)
def test_a_secret_in_the_sweep_file_is_refused_in_any_form(tmp_path: Path, uri: str) -> None:
    with pytest.raises(SweepError, match="MLFLOW_TRACKING_PASSWORD") as refused:
        open_trackers(tracked(tmp_path, mlflow=uri), tmp_path)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///runs.db",
        "sqlite:////srv/me@lab/runs.db",
        "./runs@home",
        "file:///srv/me@lab",
        "https://host:5000/path@2",
        "databricks",
    ],
)
def test_an_address_without_a_secret_is_taken(uri: str) -> None:
    refuse_secrets(uri)


@pytest.mark.parametrize("address", ["s3://bucket/events", "https://host/x", "s3:/bucket/x"])
def test_an_address_is_no_folder_for_tensorboard(tmp_path: Path, address: str) -> None:
    with pytest.raises(SweepError, match=r"track\.tensorboard is written to a disk: give a folder"):
        check_trackers(tracked(tmp_path, tensorboard=address))


def test_what_a_client_says_of_an_address_has_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(uri: str | None, name: str) -> None:
        raise ConnectionError(
            "request to https://me:s3cret@host/api?token=s3cret failed: /api?key=t0ken of 'host'"
        )

    monkeypatch.setattr(trackers, "MlflowTracker", fail)
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:s3cret@host/?key=t0ken")
    with pytest.raises(SweepError, match=r"request to https://\*\*\*@host/api.* failed") as refused:
        open_trackers(tracked(tmp_path, mlflow="environment"), tmp_path)
    assert "s3cret" not in str(refused.value)
    assert "t0ken" not in str(refused.value)


def test_an_address_can_stay_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[str | None] = []
    monkeypatch.setattr(trackers, "MlflowTracker", lambda uri, name: given.append(uri))
    monkeypatch.setattr(trackers.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:s3cret@host")
    open_trackers(tracked(tmp_path, mlflow="environment"), tmp_path)
    assert given == [None]
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with pytest.raises(SweepError, match="needs MLFLOW_TRACKING_URI"):
        open_trackers(tracked(tmp_path, mlflow="environment"), tmp_path)


@pytest.mark.parametrize("track", [{"wandb": "online"}, {"mlfow": "x"}, {"mlflow": 3}])
def test_what_track_does_not_know_is_refused(tmp_path: Path, track: dict[str, Any]) -> None:
    with pytest.raises(SweepError, match="track"):
        tracked(tmp_path, **track)


def test_no_client_is_imported_for_a_sweep_without_trackers(tmp_path: Path) -> None:
    code = (
        "import sys, rayal.cli.sweep, rayal.events.trackers; "
        "print({'mlflow', 'wandb', 'tensorboardX', 'ray'} & set(sys.modules))"
    )
    printed = run_script(code, env=sweeps.environment())
    assert printed.stdout.strip() == "set()"


def test_a_secret_is_refused_when_a_sweep_is_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = sweeps.write_sweep(tmp_path, track={"mlflow": "https://host/?token=s3cret"})
    assert sweep.main([str(path), "--out", str(tmp_path / "run"), "--dry-run"]) == 2
    assert "s3cret" not in capsys.readouterr().err
