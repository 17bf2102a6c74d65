import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import faiss
import pytest
import torch

from analysis import processes
from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES
from tests import sweeps
from tests.browser import start

ROOT = Path(__file__).parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-golden",
        action="store_true",
        help="write tests/golden/ again instead of comparing with it; see tests/test_golden.py",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Hide GPUs from tests that are not about them: a CPU's results are held to the bit."""
    if "gpu" not in config.getoption("markexpr", "").replace("not gpu", ""):
        os.environ["CUDA_VISIBLE_DEVICES"] = ""


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Arrays this small are slower on more threads, by far where the cores are busy."""
    before = faiss.omp_get_max_threads(), torch.get_num_threads()
    faiss.omp_set_num_threads(1)
    torch.set_num_threads(1)
    yield
    faiss.omp_set_num_threads(before[0])
    torch.set_num_threads(before[1])


@pytest.fixture(autouse=True, scope="session")
def no_processes_for_reports() -> Iterator[None]:
    """Reports this small are drawn before another process has started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "MOST", 1)
        yield


@pytest.fixture(autouse=True)
def no_plugin_outlives_its_test() -> Iterator[None]:
    """Some plugins of tests kill the process that asks them; no other test may meet them."""
    registries = (DATASETS, ENCODERS, STRATEGIES, LEARNERS)
    before = [dict(registry._components) for registry in registries if registry.names()]
    yield
    for registry, components in zip(registries, before, strict=True):
        registry._components.clear()
        registry._components.update(components)
    for name in [name for name in sys.modules if name.startswith("rayal_plugin_")]:
        del sys.modules[name]


@pytest.fixture
def heard_hangup() -> Iterator[None]:
    """SIGHUP has its default here and in processes that the test starts, under nohup too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not sweeps.mount(disk, "-o", "size=24m"):
        pytest.skip("a small disk can be mounted by root alone")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real datasets; tests that ask for it skip where it is absent."""
    folder = Path(os.environ.get("RAYAL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data in {folder}; name a folder with RAYAL_TEST_DATA")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A browser for the tests of a module; they need `tests.browser.needs_browser`."""
    driver = start(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
