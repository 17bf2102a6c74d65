"""Two processes on a CPU against one that takes the same parts in turn."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Embedding
from rayal.encoders._moco import launcher
from rayal.encoders._training import checkpoints
from rayal.registry import ENCODERS
from rayal.seeds import generator
from tests.encoders.test_checkpoint_files import QUICK, ROOT, Killed, digits, killed_after

pytestmark = pytest.mark.slow

BATCH = 40
RECIPE = {**QUICK, "map": "query_key", "epochs": 4, "truth_epochs": 0, "batch_size": BATCH}


def encode(
    keep: Path | None = None, progress: Any = lambda _: None, N: int = 120, **params: Any
) -> Embedding:
    component = ENCODERS.find("moco")
    bound = component.arguments(component.bind({**RECIPE, **params}))
    found: Embedding = component.function(digits(N), generator("p"), progress, keep, **bound)
    return found


def curve(**params: Any) -> tuple[list[float], Embedding]:
    """The loss after each epoch, and what came out."""
    told: list[dict[str, float]] = []
    found = encode(progress=told.append, **params)
    return list({t["epoch"]: t["loss"] for t in told if t["epoch"] % 1 == 0}.values()), found


@pytest.fixture(scope="module")
def by_two() -> tuple[list[float], Embedding]:
    return curve(processes=2)


def test_the_loss_curve_is_that_of_one_process_with_the_same_parts(
    by_two: tuple[list[float], Embedding],
) -> None:
    losses, found = curve(micro_batch=BATCH // 2)
    np.testing.assert_allclose(by_two[0], losses, rtol=1e-4)
    assert len(set(losses)) == 4
    assert found.map is not None
    assert by_two[1].map is not None
    assert np.array_equal(by_two[1].map.count, found.map.count)
    for tau in (0.2, 0.05):
        ours, theirs = by_two[1].map.confidence[tau], found.map.confidence[tau]
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4)
    scale = np.abs(found.train).max()
    np.testing.assert_allclose(by_two[1].train, found.train, atol=1e-2 * scale)
    for name, weight in (found.weights or {}).items():
        if "num_batches" not in name:
            ours = (by_two[1].weights or {})[name]
            np.testing.assert_allclose(ours, weight, rtol=1e-2, atol=1e-3, err_msg=name)


def test_batches_of_uneven_size_and_small_parts_are_shared_out_too() -> None:
    # 121 images: batches of 31, 30, 30, 30; 15 or 16 images a process, of 8 or 7 each.
    losses, found = curve(N=121, processes=2, micro_batch=8)
    expected, _ = curve(N=121, micro_batch=8)
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    assert found.map is not None
    assert (found.map.count == 4).all()


def test_two_processes_compare_two_views_as_one_does() -> None:
    _, found = curve(N=121, processes=2, map="two_views", epochs=1, warmup_epochs=0)
    _, expected = curve(N=121, micro_batch=BATCH // 2, map="two_views", epochs=1, warmup_epochs=0)
    assert found.map is not None
    assert expected.map is not None
    assert (found.map.count == 1).all()
    for tau in (0.2, 0.05):
        ours, theirs = found.map.confidence[tau], expected.map.confidence[tau]
        np.testing.assert_allclose(ours, theirs, rtol=1e-2, atol=1e-4)


def test_a_stopped_training_of_two_processes_goes_on_with_the_same_result(
    tmp_path: Path, by_two: tuple[list[float], Embedding], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "_SHARE", float("inf"))
    with pytest.raises(Killed):
        encode(tmp_path, killed_after(3), processes=2)
    done = torch.load(tmp_path / "contrast.pt", weights_only=True)["epochs"]
    assert 1 <= done < 4
    assert_equal_maps(encode(tmp_path, processes=2), by_two[1])


def assert_equal_maps(one: Embedding, other: Embedding) -> None:
    """Bit by bit; there is no map by ground truth."""
    assert one.map is not None
    assert other.map is not None
    assert np.array_equal(one.train, other.train)
    for tau in one.map.confidence:
        assert np.array_equal(one.map.confidence[tau], other.map.confidence[tau])


def test_a_process_that_stops_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "contrast.pt").write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"contrast\.pt .*damaged"):  # what the first finds itself
        encode(tmp_path, processes=2)
    monkeypatch.setattr(launcher, "JOB", "elsewhere.pickle")  # the member does not find its job
    with pytest.raises(RuntimeError, match=r"process 2 of 2 stopped with exit status 1: FileNot"):
        encode(processes=2)


CHILD = """
from tests.encoders import test_processes
test_processes.encode(epochs=100000, processes=2)
"""


def test_no_process_outlives_a_killed_training() -> None:
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    try:
        found = until(lambda: children(child.pid), 60)
    finally:
        child.kill()
        child.wait()
    assert found
    assert until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in found), 30)


def until(what: Any, seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.1)
    return found


def children(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


# What NCCL does and gloo does not: the end of a group waits for all of its processes.
ENDS_AS_NCCL = """
import torch.distributed as dist
_destroy = dist.destroy_process_group
def destroy():
    dist.barrier()
    _destroy()
dist.destroy_process_group = destroy
"""


def test_the_end_of_a_group_that_waits_for_all_its_processes_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(ENDS_AS_NCCL)
    monkeypatch.setattr(launcher, "_GRACE_SECONDS", 20.0)
    monkeypatch.syspath_prepend(tmp_path)  # workers import what lies there, as they start
    ended: list[str] = []
    destroy = torch.distributed.destroy_process_group

    def waiting_destroy() -> None:
        torch.distributed.barrier()
        destroy()
        ended.append("together")

    monkeypatch.setattr(torch.distributed, "destroy_process_group", waiting_destroy)
    encode(epochs=2, processes=2)
    assert ended == ["together"]


def test_a_dead_process_ends_the_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collective of NCCL does not see that a peer died; the watch over the processes does."""
    aborted = threading.Event()

    def abort() -> bool:
        aborted.set()
        return True

    def all_reduce(flat: torch.Tensor) -> None:
        for pid in children(os.getpid()):
            if "rayal.encoders._moco.worker" in Path(f"/proc/{pid}/cmdline").read_text():
                os.kill(int(pid), signal.SIGKILL)
        assert aborted.wait(60), "nobody has seen that the process is gone"

    monkeypatch.setattr(launcher, "abort_process_group", abort)
    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    with pytest.raises(RuntimeError, match=r"process 2 of 2 stopped with exit status -9"):
        encode(processes=2)


def test_slices_of_a_gpu_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-aa,MIG-bb")
    with pytest.raises(ValueError, match="has slices of one"):
        launcher.check_gpus(2)
    launcher.check_gpus(1)


def test_more_processes_than_a_step_has_pairs_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"processes=30 need 60 images .* has 40; give processes=20"
    ):
        encode(processes=30)


def test_processes_without_a_gpu_for_each_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"processes=2 needs a GPU for each.*pretrain.gpus: 2"):
        launcher.check_gpus(2)
    launcher.check_gpus(1)


def test_threads_and_process_group_are_left_as_they_were(
    by_two: tuple[list[float], Embedding],
) -> None:
    assert not torch.distributed.is_initialized()
    threads = torch.get_num_threads()
    encode(epochs=2, processes=2)
    assert torch.get_num_threads() == threads
    assert not torch.distributed.is_initialized()


def test_members_map_the_file_that_images_are_mapped_from(tmp_path: Path) -> None:
    given = np.random.default_rng(0).integers(256, size=(6, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "given.npy", given)
    mapped = np.load(tmp_path / "given.npy", mmap_mode="r")
    found = launcher._mapped(mapped, tmp_path)
    assert found.path == tmp_path / "given.npy"
    assert not (tmp_path / launcher.IMAGES).exists()
    assert np.array_equal(found.open(), given)


@pytest.mark.parametrize("part", ["in memory", "some of a file", "turned"])
def test_images_that_no_file_holds_as_they_are_are_written_to_one(
    tmp_path: Path, part: str
) -> None:
    given = np.random.default_rng(0).integers(256, size=(6, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "given.npy", given)
    mapped = np.load(tmp_path / "given.npy", mmap_mode="r")
    images = {"in memory": given, "some of a file": mapped[2:], "turned": mapped[:, :, ::-1]}[part]
    found = launcher._mapped(images, tmp_path)
    assert found.path == tmp_path / launcher.IMAGES
    assert np.array_equal(found.open(), images)
