"""What a folder holds, by size and hash: `whole.json`, written last, makes it complete."""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

NAME = "whole.json"
CHUNK_BYTES = 8 << 20
DATA = frozenset({".npy", ".parquet", ".safetensors"})  # suffixes of files that are read by name
Fingerprint: TypeAlias = list[int | str]  # bytes, SHA-256

_verified: set[tuple[str, int, int, int, str]] = set()  # files that were found to be as written


def of_folder(folder: Path) -> bytes:
    """Return the manifest of a folder's files."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {path.relative_to(folder).as_posix(): fingerprint(path) for path in paths}
    return json.dumps({"files": files}).encode()


def files_in(manifest: bytes) -> Mapping[str, Fingerprint]:
    """Read a manifest.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return {str(name): [int(n), str(hash_)] for name, (n, hash_) in _entries(manifest)}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{NAME} is no manifest") from error


def _entries(manifest: bytes) -> list[tuple[str, Fingerprint]]:
    return list(json.loads(manifest)["files"].items())


def damage(folder: Path, files: Mapping[str, Fingerprint]) -> str:
    """Name the first file that is not what the manifest says; "" where all are.

    A file of data that it does not name is none of the folder. A file is read once a process, and
    again only when its size, time or inode is another.

    Raises:
        OSError: a file cannot be read.
    """
    for name, expected in files.items():
        path = folder / name
        try:
            facts = path.stat()
        except FileNotFoundError:
            return f"{name} is missing"
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            return f"{name} is a link to itself"
        seen = (str(path), facts.st_ino, facts.st_size, facts.st_mtime_ns, str(expected))
        if seen not in _verified:
            if facts.st_size != expected[0] or fingerprint(path) != expected:
                return f"{name} is not what was written"
            _verified.add(seen)
    others = (p.name for p in folder.iterdir() if p.suffix in DATA and not p.name.startswith("."))
    stranger = min((name for name in others if name not in files), default="")
    return f"{stranger} was not written with it" if stranger else ""


def fingerprint(path: Path) -> Fingerprint:
    """Return a file's size in bytes and the SHA-256 of its content."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return [size, digest.hexdigest()]
