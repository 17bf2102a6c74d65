"""Labeling, reporting and predicting that are killed or meet a full disk."""

import contextlib
import http.client
import json
import threading
from pathlib import Path

import pytest

import rayal
from rayal.cli.main import main
from rayal.labeling.page.desk import Desk
from rayal.labeling.page.server import LabelServer
from tests.labeling.made_up_projects import label_truly, log_of, make_project
from tests.system.test_labeling_withstands import _killed_at, _run

pytestmark = pytest.mark.slow


def _fill(disk: Path) -> Path:
    """Write a file until nothing more fits."""
    path = disk / "filler"
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    return path


def _say(server: LabelServer, rayal_id: str) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    said = {"window": "w", "id": rayal_id, "seen": {}, "action": "label", "label": "cat"}
    cookie = {"Cookie": f"{server.cookie}={server.token}"}
    connection.request("POST", "/answer", json.dumps(said), cookie)
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_on_a_full_disk_an_answer_is_refused_until_there_is_room(small_disk: Path) -> None:
    project = make_project(small_disk)
    server = LabelServer(project, Desk(project, log_of(project)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        filler = _fill(small_disk)
        told = [_say(server, rayal_id) for rayal_id in project.pool.ids[:6]]
        assert {status for status, _ in told} == {507}
        assert "No space left" in told[0][1]["error"]
        assert log_of(project).all() == ()
        filler.unlink()
        assert [_say(server, rayal_id)[0] for rayal_id in project.pool.ids[:6]] == [200] * 6
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert set(log_of(project).labels()) == set(project.pool.ids[:6])


def test_on_a_full_disk_predict_and_report_are_one_message(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_project(small_disk, 24, rounds=(12,))
    label_truly(project, range(12))
    filler = _fill(small_disk)
    for command in ("predict", "report"):
        assert main([command, str(project.root)]) == 2
        assert "no space left on the disk; free some" in capsys.readouterr().err
    filler.unlink()
    for command in ("predict", "report"):
        assert main([command, str(project.root)]) == 0


def test_a_kill_in_the_middle_of_predict_leaves_whole_files(tmp_path: Path) -> None:
    project = make_project(tmp_path, 24, rounds=(12,))
    label_truly(project, range(12))
    root = str(project.root)
    assert _killed_at(1, ["predict", root], tmp_path)
    assert (project.root / "predictions.csv").is_file()
    assert not (project.root / "classifier" / "classifier.safetensors").exists()
    done = _run(["predict", root], tmp_path)
    assert done.returncode == 0, done.stderr
    assert rayal.load_classifier(root).classes
    assert len(log_of(project).labels()) == 12
