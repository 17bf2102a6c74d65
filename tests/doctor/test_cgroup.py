"""Limits of control groups, read from trees of files as the kernel shows them."""

from pathlib import Path

import pytest

from rayal.doctor.cgroup import Limits, limits


def tree(root: Path, groups: str, **files: str) -> Path:
    (root / "proc" / "self").mkdir(parents=True)
    (root / "proc" / "self" / "cgroup").write_text(groups)
    for name, content in files.items():
        path = root / "sys" / "fs" / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


def test_version_2_is_bound_by_the_groups_above(tmp_path: Path) -> None:
    files = {
        "pod/cpu.max": "150000 100000\n",
        "pod/job/cpu.max": "max 100000\n",
        "pod/job/memory.max": "2000000000\n",
        "pod/job/memory.current": "500000000\n",
        "pod/memory.max": "max\n",
        "pod/pids.max": "512\n",
    }
    found = limits(tree(tmp_path, "0::/pod/job\n", **files))
    assert found == Limits(1.5, 2_000_000_000, 500_000_000, 512)


def test_version_1_is_read_by_controller(tmp_path: Path) -> None:
    files = {
        "cpu/a/cpu.cfs_quota_us": "50000\n",
        "cpu/a/cpu.cfs_period_us": "100000\n",
        "memory/b/memory.limit_in_bytes": "1000000000\n",
        "memory/b/memory.usage_in_bytes": "1000\n",
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/memory.usage_in_bytes": "5\n",
    }
    found = limits(tree(tmp_path, "5:cpu,cpuacct:/a\n4:memory:/b\n0::/\n", **files))
    assert found == Limits(0.5, 1_000_000_000, 1000, None)


def test_a_container_finds_its_limits_at_the_root_of_what_is_mounted(tmp_path: Path) -> None:
    files = {"cpu.max": "100000 100000\n", "memory.max": "max\n"}
    found = limits(tree(tmp_path, "0::/../../docker/abc\n", **files))
    assert found == Limits(1.0)


@pytest.mark.parametrize("content", ["", "max", "a b\n", "0::/x:y\n"])
def test_what_cannot_be_read_is_no_limit(tmp_path: Path, content: str) -> None:
    files = {"cpu.max": content, "pids.max": "max\n"}
    assert limits(tree(tmp_path, content, **files)) == Limits()


def test_where_there_are_no_control_groups_there_is_no_limit(tmp_path: Path) -> None:
    assert limits(tmp_path) == Limits()
