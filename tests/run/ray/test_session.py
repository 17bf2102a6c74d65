import importlib.util
import os
from pathlib import Path

import pytest

from rayal.doctor.checks import disk, load, proxies, sockets
from rayal.doctor.checks.shared_memory import SharedMemory
from rayal.run.ray import joining, session
from rayal.run.ray.errors import ClusterError
from rayal.run.ray.session import SETTINGS, ray_session
from rayal.sweep.schema import Resources
from tests.scripts import run_script


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


def test_ray_reads_every_setting_that_rayal_makes() -> None:
    """A name that Ray does not know would be no setting, and nobody would hear of it."""
    [place] = importlib.util.find_spec("ray").submodule_search_locations or []  # type: ignore[union-attr]
    settings = {*SETTINGS, *load.TIME_OUTS, joining.ASK_ONCE[0]}
    flags = (Path(place) / "_raylet.so").read_bytes()
    read = {name for name in settings if _flag(name) in flags}
    for folder in ("_common", "_private", "air", "dashboard", "train", "tune"):
        for file in (Path(place) / folder).rglob("*.py"):
            text = file.read_bytes()
            read |= {name for name in settings if name.encode() in text}
    assert read == settings


def _flag(name: str) -> bytes:
    """A setting of Ray's services, as their library names it."""
    return b"\0" + name.removeprefix("RAY_").encode() + b"\0"


def test_settings_of_a_start_follow_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "current_load", lambda: load.Load(9.0, 3))
    monkeypatch.setattr(disk, "disk_under", lambda folder: disk.Disk(folder, 10**12, 10**10))
    made = session._start_settings(tmp_path)
    assert made["RAY_DASHBOARD_STARTUP_TIMEOUT_S"] == "900"
    assert made["RAY_local_fs_capacity_threshold"] == "0.9990"


def test_a_store_that_does_not_fit_shared_memory_lies_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        session, "measured_shared_memory", lambda: SharedMemory(64 * 10**6, 24 * 10**9)
    )
    made = session._object_store(tmp_path, 5 * 10**9)
    assert made == {"object_store_memory": 10**10, "_plasma_directory": str(tmp_path)}
    monkeypatch.setattr(session, "measured_shared_memory", lambda: SharedMemory(10**10, 24 * 10**9))
    assert session._object_store(tmp_path, 0) == {}


def test_a_ray_of_our_own_ends_whole() -> None:
    script = (
        "import psutil; from rayal.run.ray.session import ray_session; "
        "from rayal.sweep.schema import Resources\n"
        "with ray_session(Resources(), 'local', lambda _: None):\n"
        "    began = psutil.Process().children(recursive=True)\n"
        "print(len(began) > 5, psutil.wait_procs(began, timeout=600)[1])"
    )
    assert run_script(script).stdout == "True []\n"
