import http.cookiejar
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayal.cli import status
from rayal.cli.live_page import StatusServer, page
from rayal.cli.run_status import Counts, Stage, Status
from rayal.storage.held_run import lock_run
from tests.storage.records import definition, plan, record


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StatusServer]:
    """Serves a run of two trials, of which one is done."""
    hacon = {"name": "hacon<b>", "params": {}}
    trials = {name: definition(strategy=hacon, initial=hacon) for name in "ab"}
    artefacts = {"key": {"dataset": "digits", "encoder": {"name": "moco", "params": {}}}}
    with lock_run(tmp_path / "run", "mine") as held:
        held.save_plan(plan(trials=trials, artefacts=artefacts), "")
        held.save_record("a", record("a"))
    with StatusServer(tmp_path / "run") as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def opened(address: str) -> urllib.request.OpenerDirector:
    """A browser that has the cookie."""
    browser = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
    )
    browser.open(address).close()
    return browser


def test_the_page_and_its_numbers_are_those_of_the_command(server: StatusServer) -> None:
    browser = opened(server.address)
    shown = browser.open(f"http://127.0.0.1:{server.server_port}/").read().decode()
    assert "1 of 2 trials done" in shown
    assert "hacon&lt;b&gt;" in shown
    assert 'http-equiv="refresh"' in shown
    numbers = json.load(browser.open(f"http://127.0.0.1:{server.server_port}/status.json"))
    counts = {"done": 1, "running": 0, "failed": 0, "waiting": 1, "spared": 0}
    assert numbers["trials"] == counts


@pytest.mark.parametrize("path", ["/", "/status.json", "/?token=guessed"])
def test_without_its_token_nothing_is_answered(server: StatusServer, path: str) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as refused:
        opener.open(f"http://127.0.0.1:{server.server_port}{path}")
    assert refused.value.code == 403
    assert b"1 of 2" not in refused.value.read()


def test_a_run_that_has_ended_is_not_asked_for_again() -> None:
    ended = Status("mine", Counts(done=3, failed=1), (), {}, 0.0, 0.0, 1.0)
    assert "refresh" not in page(ended)


def test_what_would_turn_or_hide_text_is_spelled_out_as_in_a_terminal() -> None:
    counts = Counts(done=1)
    ended = Status(
        "mine", counts, (Stage("d\x1b", "e\0", "ready", counts),), {"a\u202eb\x07": counts},
        0.0, 0.0, 1.0,
    )  # fmt: skip
    shown = page(ended)
    assert all(text in shown for text in (r"d\x1b", r"e\x00", r"a\u202eb\x07"))
    assert not set("\x1b\0\u202e\x07") & set(shown)


def test_what_is_no_run_is_refused_before_it_is_served(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status.main([str(tmp_path), "--serve"]) == 2
    assert "is not a run" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        status.main([str(tmp_path), "--serve=70000"])
    assert "'70000' is no port from 0 to 65,535" in capsys.readouterr().err


def test_the_command_prints_the_address_with_the_token_that_opens_the_page(
    server: StatusServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(StatusServer, "serve_forever", lambda self: None)
    status._serve(server.run, 0)
    printed = capsys.readouterr().out.split()[1]
    assert len(printed.partition("?token=")[2]) == len(server.token)
