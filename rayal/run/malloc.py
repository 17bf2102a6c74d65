"""The C library's allocator: large blocks go back to the system when they are freed."""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from pathlib import Path

_HUGE_PAGES = Path("/sys/kernel/mm/transparent_hugepage/enabled")
_TORCH = "THP_MEM_ALLOC_ENABLE"  # torch reads it when it first takes memory
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # M_... of malloc.h
_LARGE, _KEPT = 4 << 20, 64 << 20  # bytes


def configure_malloc() -> bool:
    """Have the C library map each block of 4 MiB or more by itself; return whether it does.

    By its default glibc keeps such blocks, once one was freed, on a heap where others that live
    longer sit between them: a training came to take half as much memory again, and more with every
    epoch. A block of its own costs time instead, as the system clears each of its pages; with
    pages of 2 MiB, which torch then asks for, that is little. So nothing is changed where the
    system has no such pages, torch is there already, or the C library is another.
    """
    if platform.libc_ver()[0] != "glibc" or not _has_huge_pages():
        return False
    if _TORCH not in os.environ and "torch" in sys.modules:
        return False
    os.environ.setdefault(_TORCH, "1")
    change = ctypes.CDLL(None).mallopt
    return bool(change(_MMAP_THRESHOLD, _LARGE) and change(_TRIM_THRESHOLD, _KEPT))


def _has_huge_pages() -> bool:
    try:
        return "[never]" not in _HUGE_PAGES.read_text(encoding="ascii")
    except OSError:
        return False
