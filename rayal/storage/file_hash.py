"""Hashes of files that people name: worked out once, remembered, checked when a file changes."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rayal.storage.atomic import write_bytes
from rayal.storage.machine_cache import cache_folder

_BLOCK = 1 << 20
# A file that changed so lately may change again within one tick of its file system's clock.
_SETTLED_SECONDS = 2.0


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content, 64 hexadecimal digits.

    The hash is remembered in this machine's cache, by the file's place, size, times of change and
    inode: where one of them is another, the file is read again.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it is no plain file, or cannot be read.
    """
    path = path.expanduser().resolve()
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(f"{path} is no plain file")
    memory = cache_folder() / "hashes" / hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    stamp = _stamp(facts)
    known = _remembered(memory, stamp)
    if known:
        return known
    digest = _hash(path)
    if _stamp(path.stat()) == stamp and time.time() - _changed(facts) > _SETTLED_SECONDS:
        with suppress(OSError):
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(memory, json.dumps({"stamp": stamp, "sha256": digest}).encode())
    return digest


def file_hashes(files: Mapping[str, Path]) -> dict[str, str]:
    """Return the SHA-256 of each of some files, by the names that they are given by.

    Raises:
        OSError: one cannot be read.
    """
    return {name: file_hash(path) for name, path in files.items()}


def _stamp(facts: os.stat_result) -> list[int]:
    return [facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns]


def _changed(facts: os.stat_result) -> float:
    return max(facts.st_mtime, facts.st_ctime)


def _remembered(memory: Path, stamp: list[int]) -> str:
    try:
        content = json.loads(memory.read_bytes())
        return str(content["sha256"]) if content["stamp"] == stamp else ""
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""


def _hash(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()
