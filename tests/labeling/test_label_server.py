"""The server of the labeling page, spoken to as a browser and as others would."""

import errno
import http.client
import json
import os
import threading

import pytest

from rayal.cli import label
from rayal.labeling.page.desk import Desk
from rayal.labeling.page.server import LabelServer
from rayal.private_server import LARGEST
from tests.labeling.made_up_projects import log_of, make_project


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def ask(server, method, path, body=None, **headers):
    """Return status, headers and content of one request; the cookie is sent unless it is given."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    sent = {"Cookie": f"{server.cookie}={server.token}"} | headers
    connection.request(method, path, body, {name.replace("_", "-"): v for name, v in sent.items()})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def post(server, path, fields, **headers):
    status, _, content = ask(server, "POST", path, json.dumps(fields), **headers)
    return status, json.loads(content)


def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(server):
    path = server.address.partition(str(server.server_port))[2]
    status, headers, _ = ask(server, "GET", path, Cookie="")
    assert (status, headers["Location"]) == (303, "/")
    for word in (f"{server.cookie}={server.token}", "HttpOnly", "SameSite=Strict"):
        assert word in headers["Set-Cookie"]
    status, headers, content = ask(server, "GET", "/")
    assert status == 200
    assert b"<h1>Label images</h1>" in content
    assert server.token.encode() not in content
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "cookie", ["", "rayal=x", "{name}=", "{name}=wrong", "{name}=\xe4", ";;=;"]
)
def test_without_the_token_nothing_is_answered(server, project, cookie):
    sent = cookie.format(name=server.cookie)
    for path in ("/", "/?token=wrong", f"/image/{project.pool.ids[0]}/small"):
        assert ask(server, "GET", path, Cookie=sent)[0] == 403
    for path in ("/next", "/answer", "/undo", "/show"):
        assert post(server, path, {"window": "w"}, Cookie=sent)[0] == 403
    assert log_of(project).all() == ()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_name_that_leads_here_from_elsewhere_is_refused(server, host):
    assert ask(server, "GET", "/", Host=host)[0] == 403


def test_what_another_site_sends_is_refused(server):
    assert post(server, "/next", {"window": "w"}, Origin="http://evil.example")[0] == 403
    own = f"http://127.0.0.1:{server.server_port}"
    assert post(server, "/next", {"window": "w"}, Origin=own)[0] == 200


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"


def test_an_answer_is_written_and_the_next_image_comes(server, project):
    view = post(server, "/next", {"window": "w"})[1]
    said = {"window": "w", "id": view["image"]["id"], "seen": {}, "action": "label", "label": "cat"}
    status, view = post(server, "/answer", said | {"seconds": 2.5})
    assert (status, view["image"]["id"]) == (200, project.pool.ids[1])
    assert log_of(project).all()[0].seconds == 2.5
    assert post(server, "/answer", said)[0] == 409
    assert post(server, "/undo", {"window": "w"})[1]["image"]["id"] == project.pool.ids[0]
    assert log_of(project).current() == {}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/next", "[]", 400), ("/next", "{", 400), ("/next", "{}", 400),
        ("/next", b"\xff", 400), ("/next", "x" * (LARGEST + 1), 400),
        ("/elsewhere", '{"window": "w"}', 404),
        ("/show", '{"window": "w", "id": "../../etc/passwd"}', 400),
        ("/answer", '{"window": "w", "id": "no", "action": "skip"}', 400),
        ("/answer", '{"window": "w", "id": "no", "action": "label", "label": "\\ud800"}', 400),
    ],
)  # fmt: skip
def test_requests_that_make_no_sense_are_refused(server, project, path, body, status):
    assert ask(server, "POST", path, body)[0] == status
    assert log_of(project).all() == ()
    assert post(server, "/next", {"window": "w"})[0] == 200


def test_images_are_sent_and_what_is_gone_is_explained(server, project):
    status, headers, content = ask(server, "GET", f"/image/{project.pool.ids[0]}/large")
    assert (status, headers["Content-Type"], content[:4]) == (200, "image/png", b"\x89PNG")
    for path in (
        "/image/no/large",
        f"/image/{project.pool.ids[0]}/huge",
        "/image/",
        "/image/../..",
    ):
        assert ask(server, "GET", path)[0] == 404
    project.image_path(project.pool.ids[0]).unlink()
    status, _, content = ask(server, "GET", f"/image/{project.pool.ids[0]}/large")
    assert status == 410
    assert "cannot be shown" in json.loads(content)["error"]


def test_a_file_that_changed_since_it_was_chosen_is_not_shown_as_it(server, project):
    first, second = (project.image_path(rayal_id) for rayal_id in project.pool.ids[:2])
    first.write_bytes(second.read_bytes())
    status, _, content = ask(server, "GET", f"/image/{project.pool.ids[0]}/large")
    assert status == 410
    assert "has changed since it was read" in json.loads(content)["error"]


def test_on_a_full_disk_the_answer_is_refused_and_the_image_stays(server, project, monkeypatch):
    view = post(server, "/next", {"window": "w"})[1]
    said = {"window": "w", "id": view["image"]["id"], "seen": {}, "action": "label", "label": "cat"}

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    status, error = post(server, "/answer", said)
    assert status == 507
    assert "No space left" in error["error"]
    monkeypatch.undo()
    assert log_of(project).all() == ()
    assert post(server, "/answer", said)[0] == 200


def test_many_windows_lose_no_answer(server, project):
    def work(window):
        view = post(server, "/next", {"window": window})[1]
        while view["image"]:
            image = view["image"]
            said = {"window": window, "id": image["id"], "seen": image["said"], "label": "cat"}
            status, answered = post(server, "/answer", said | {"action": "label"})
            view = answered if status == 200 else post(server, "/next", {"window": window})[1]

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(log_of(project).labels()) == set(project.pool.ids[:6])
    assert len(log_of(project).all()) == 6


def test_the_command_prints_the_address_with_the_token_that_opens_the_page(
    project, monkeypatch, capsys
):
    made = LabelServer(project, Desk(project, log_of(project)))
    monkeypatch.setattr(made, "serve_forever", lambda: None)
    label._serve(made, with_browser=False)
    assert f"label at  {made.address}\n" in capsys.readouterr().out
