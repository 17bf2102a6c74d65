"""A real Label Studio: tasks in, annotations by its API, exports out, every label on its image.

It takes about 1 GB and a minute or two to install, so it is no part of what `make test` installs:

    python -m venv ls && ls/bin/pip install label-studio
    RAYAL_TEST_LABEL_STUDIO=ls/bin/label-studio pytest tests/system/test_label_studio.py
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rayal.labeling.exchange.label_studio_tasks import LOCAL_FILES
from rayal.labeling.ingest import ingest
from rayal.labeling.project import Project
from rayal.labeling.selecting import next_round
from tests.labeling.images import folder_of, select

SERVER = os.environ.get("RAYAL_TEST_LABEL_STUDIO", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SERVER, reason="RAYAL_TEST_LABEL_STUDIO names no Label Studio (see this file's head)"
    ),
]
TOKEN = "abcdef0123456789abcdef0123456789abcdef01"
SECONDS_TO_START = 180
Call = Callable[..., Any]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of(tmp_path_factory.mktemp("pool") / "cells", 8, "sub/a {}.png")


@pytest.fixture(scope="module")
def call(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Call]:
    """Start a server of its own; give what calls its API and returns the body."""
    port, data = _free_port(), tmp_path_factory.mktemp("data")
    settings = {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(images.parent),
        "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "latest_version_check": "False",
        "collect_analytics": "False",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }
    command = [SERVER, "start", "--no-browser", "--port", str(port), "--username", "a@example.com"]
    command += ["--password", "pw123456", "--user-token", TOKEN]
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    with (data / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, env={**inherited, **settings}, cwd=data
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", server)
            yield lambda *request: _call(f"http://127.0.0.1:{port}", *request)
        finally:
            server.terminate()
            server.wait(30)


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail("Label Studio did not start")


def _call(server: str, method: str, path: str, body: Any = None) -> Any:
    request = urllib.request.Request(
        server + path,
        method=method,
        headers={"Authorization": f"Token {TOKEN}", "Content-Type": "application/json"},
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content = answer.read()
    return json.loads(content) if content[:1] in b"[{" else content


def _tasks(call: Call, number: int) -> list[dict[str, Any]]:
    found = call("GET", f"/api/tasks?project={number}&page_size=100&fields=all")
    tasks = found["tasks"] if isinstance(found, dict) else found
    return sorted(tasks, key=lambda task: task["data"]["rank"])


def _project(call: Call, project: Project, images: Path) -> int:
    """Make a project in the server as docs/labeling.md says; return its number."""
    configuration = (project.root / "label-studio.xml").read_text()
    made = call("POST", "/api/projects/", {"title": "pool", "label_config": configuration})
    storage = {"path": str(images), "project": made["id"], "use_blob_urls": True, "title": "cells"}
    call("POST", "/api/storages/localfiles", storage)
    tasks = json.loads((project.root / "label-studio.json").read_text())
    call("POST", f"/api/projects/{made['id']}/import", tasks)
    return int(made["id"])


def _annotate(call: Call, task: dict[str, Any], label: str, kind: str = "choices") -> None:
    value = {"choices": [label]} if kind == "choices" else {"text": [label]}
    result = {"id": "z", "from_name": "choice", "to_name": "image", "type": kind, "value": value}
    body = {"result": [result], "lead_time": 2.5}
    call("POST", f"/api/tasks/{task['id']}/annotations/", body)


@pytest.mark.parametrize("form", ["JSON", "JSON_MIN", "CSV"])
def test_every_label_comes_back_on_its_image(
    call: Call, images: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out"
    project = select(images, budget=5, classes=("cat", "dog", "a & <b>"), out=out).project
    number = _project(call, project, images)
    tasks = _tasks(call, number)
    ids = project.rounds[0].ids
    assert [task["data"]["rayal_id"] for task in tasks] == list(ids)
    address = tasks[0]["data"]["image"]
    assert address.startswith(LOCAL_FILES)
    assert call("GET", address) == project.image_path(ids[0]).read_bytes()
    labels = ["dog", "cat", "a & <b>"]
    for task, label in zip(tasks, labels, strict=False):
        _annotate(call, task, label)
    skipped = {"result": [], "was_cancelled": True, "lead_time": 1.0}
    call("POST", f"/api/tasks/{tasks[3]['id']}/annotations/", skipped)
    path = f"/api/projects/{number}/export?exportType={form}&download_all_tasks=true"
    exported = call("GET", path)
    file = tmp_path / ("export.csv" if form == "CSV" else "export.json")
    file.write_bytes(exported if isinstance(exported, bytes) else json.dumps(exported).encode())
    done = ingest(project, [file])
    assert done.refused == []
    assert project.labels.labels() == dict(zip(ids, labels, strict=False))
    assert [answer.seconds for answer in project.labels.all()][:3] == [2.5] * 3
    later = next_round(Project.open(project.root), 3, 0, lambda line: None)
    assert later.round.labels == 3
    tasks = json.loads((project.root / "label-studio.json").read_text())
    second = _project(call, later.project, images)  # with predictions of the classifier
    assert len(_tasks(call, second)) == len(tasks) == 3


def test_without_classes_a_class_is_typed_in(call: Call, images: Path, tmp_path: Path) -> None:
    project = select(images, budget=2, out=tmp_path / "out").project
    number = _project(call, project, images)
    _annotate(call, _tasks(call, number)[0], "mitosis", "textarea")
    exported = call("GET", f"/api/projects/{number}/export?exportType=JSON")
    (tmp_path / "export.json").write_text(json.dumps(exported))
    ingest(project, [tmp_path / "export.json"])
    assert project.labels.labels() == {project.rounds[0].ids[0]: "mitosis"}
