import sys
from pathlib import Path

import pytest

from rayal.run import malloc
from tests.scripts import run_script

LARGE = 32 << 20  # bytes
CHILD = """
import ctypes, os, sys
from rayal.run import malloc

def taken():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

print(malloc.configure_malloc())
C = ctypes.CDLL(None)
C.malloc.restype, C.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
block = C.malloc({large})
C.free(block)  # from here on glibc would keep blocks of that size, left to itself
blocks = [C.malloc({large} // 2) for _ in range(8)]
for block in blocks:
    ctypes.memset(block, 1, {large} // 2)
full = taken()
for block in blocks[:-1]:
    C.free(block)
print(full - taken(), os.environ.get("THP_MEM_ALLOC_ENABLE"))
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not malloc._has_huge_pages(),
    reason="the system has no pages of 2 MiB",
)
def test_freed_blocks_go_back_to_the_system_though_a_later_one_is_still_in_use() -> None:
    code = CHILD.format(large=LARGE)
    done = run_script(code)
    changed, freed, torch_setting = done.stdout.split()
    if changed != "True":
        pytest.skip("another C library")
    assert int(freed) > 3 * LARGE
    assert torch_setting == "1"


@pytest.mark.parametrize("says", ["always madvise [never]\n", None])
def test_nothing_is_changed_where_pages_are_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str | None
) -> None:
    place = tmp_path / "enabled"
    if says is not None:
        place.write_text(says)
    monkeypatch.setattr(malloc, "_HUGE_PAGES", place)
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    assert not malloc.configure_malloc()


def test_nothing_is_changed_once_torch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    assert torch
    monkeypatch.delenv("THP_MEM_ALLOC_ENABLE", raising=False)
    assert not malloc.configure_malloc()
