"""The hash of decoded images, worked out once and kept beside them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, Split
from rayal.datasets._files.cache import check_whole, content_key
from rayal.storage.atomic import write_bytes

_CONTENT = re.compile("[0-9a-f]{32}")


def with_content(data: Dataset, folder: Path) -> Dataset:
    """Return the dataset with its `content` known, which reads all its images only once.

    A sweep asks for the content at its start and in each stage; reading a folder of 224-pixel
    images for that each time takes longer than loading it. The hash lies in a file named after
    labels, classes, and sizes and times of change of the arrays: where one of them changes, it is
    worked out again.

    Args:
        data: whose images are the arrays SPLIT.npy in the folder.
        folder: of decoded images; where it cannot be written to, nothing is kept.

    Raises:
        ValueError: the arrays are not what was made.
    """
    file = folder / f"content-{_key(data, folder)}"
    known = file.read_text(encoding="latin-1") if file.is_file() else ""
    if not _CONTENT.fullmatch(known):
        check_whole(folder)
        known = data.content
        with suppress(OSError):
            write_bytes(file, known.encode())
    vars(data)["content"] = known  # where a cached property keeps its value
    return data


def _key(data: Dataset, folder: Path) -> str:
    facts = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in _arrays(folder)]
    labels = hashlib.sha256()
    for split in _splits(data):
        labels.update(np.ascontiguousarray(split.labels).data)
    return content_key(data.classes, labels.hexdigest(), facts)


def _arrays(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.npy"))


def _splits(data: Dataset) -> Iterator[Split]:
    return (split for split in (data.train, data.test, data.val) if split is not None)
