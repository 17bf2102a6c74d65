"""What a folder holds, by size and hash: `whole.json`, written last, makes it complete."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

NAME = "whole.json"
CHUNK_BYTES = 8 << 20
Fingerprint: TypeAlias = list[int | str]  # bytes, SHA-256


def of_folder(folder: Path) -> bytes:
    """Return the manifest of a folder's files."""
    files = {path.name: fingerprint(path) for path in sorted(folder.iterdir())}
    return json.dumps({"files": files}).encode()


def files_in(manifest: bytes) -> Mapping[str, Fingerprint]:
    """Read a manifest."""
    files: Mapping[str, Fingerprint] = json.loads(manifest)["files"]
    return files


def fingerprint(path: Path) -> Fingerprint:
    """Return a file's size in bytes and the SHA-256 of its content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return [path.stat().st_size, digest.hexdigest()]
