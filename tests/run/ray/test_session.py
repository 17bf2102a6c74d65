import os
from pathlib import Path

import pytest

from rayal.doctor.checks import proxies, sockets
from rayal.run.ray import session
from rayal.run.ray.errors import ClusterError
from rayal.run.ray.session import SETTINGS, ray_session
from rayal.sweep.schema import Resources


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no variable behind."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name in ("RAY_ADDRESS", "TMPDIR"):
            monkeypatch.delenv(name)
    for name in (*proxies.NO_PROXY, "TMPDIR"):
        monkeypatch.setenv(name, "")


def test_an_address_of_the_ray_client_is_refused_before_anything_starts() -> None:
    with (
        pytest.raises(ClusterError, match="ray job submit"),
        ray_session(Resources(), "ray://head:10001", print),
    ):
        raise AssertionError


@pytest.mark.parametrize(
    ("given", "variable", "meant"),
    [
        (None, "", None),
        ("local", "", None),
        ("auto", "", "auto"),
        (None, "head:6379", "head:6379"),
        ("auto", "head:6379", "head:6379"),
        ("other:1", "head:6379", "other:1"),
    ],
)
def test_an_address_is_that_of_the_option_or_of_the_environment(
    given: str | None, variable: str, meant: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", variable)
    assert (session.named_address(given) or None) == meant


def test_workers_are_as_nice_as_the_driver() -> None:
    assert SETTINGS["RAY_worker_niceness"] == "0"


def test_no_proxy_stands_between_rays_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", "intra.net, localhost")
    proxies.bypass_proxies("localhost", "127.0.0.1", "10.0.0.5")
    for name in proxies.NO_PROXY:
        assert os.environ[name] == "intra.net,localhost,127.0.0.1,10.0.0.5"


def test_without_a_proxy_nothing_is_changed() -> None:
    proxies.bypass_proxies("localhost")
    assert [os.environ[name] for name in proxies.NO_PROXY] == ["", "", ""]


def test_temporary_files_go_where_the_paths_of_sockets_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = tmp_path / ("d" * 100)
    far.mkdir()
    monkeypatch.setattr(session.tempfile, "tempdir", str(far))
    told: list[str] = []
    folder = session._short_folder(told.append)
    assert len(str(folder)) + len(sockets.RAY_SOCKET) <= sockets.LONGEST_SOCKET_PATH
    assert os.environ["TMPDIR"] == str(folder)
    assert str(far) in told[0]
    monkeypatch.setattr(sockets, "SHORT_FOLDERS", (str(tmp_path / "absent"),))
    with pytest.raises(ClusterError, match="set TMPDIR to a folder whose path has at most"):
        session._short_folder(print)
