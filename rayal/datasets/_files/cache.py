"""A folder of arrays that is made once, under a lock, and appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Images
from rayal.storage import manifest, reachable
from rayal.storage.atomic import lock, remove_leftovers, temporary_beside

_ABOUT = "about.json"


def content_key(*content: object) -> str:
    """Return 16 hexadecimal digits that name this content."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def build_once(folder: Path, about: Mapping[str, Any], make: Callable[[Path], None]) -> Path:
    """Return the folder, made by `make` unless it is there.

    `make` writes into a folder beside it, which is renamed when all is on the disk. Processes that
    ask for the same at the same time wait for the first; what a killed one left is removed.

    Raises:
        OSError: the place cannot be written to; whatever `make` raises, and then nothing is left.
    """
    if reachable.is_file(folder / _ABOUT):
        return folder
    with _locked(folder):
        if not (folder / _ABOUT).is_file():
            _make(folder, about, make)
    return folder


def memory_map(path: Path) -> Images:
    """Map an array (N, ...), read-only.

    Raises:
        ValueError: the file is damaged.
    """
    if not path.is_file():
        raise damaged(path, "it is no file")
    try:
        images: Images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, error) from error
    return images


def check_whole(folder: Path) -> None:
    """Refuse arrays that are not what was made: shorter, in another order, with other bytes.

    All of them are read. A folder that an earlier version made says nothing of them.

    Raises:
        ValueError: which.
    """
    written = folder / manifest.NAME
    if not written.is_file():
        return
    try:
        fault = manifest.damage(folder, manifest.files_in(written.read_bytes()))
    except (ValueError, OSError) as error:
        raise damaged(written, error) from error
    if fault:
        raise damaged(folder, fault)


def damaged(path: Path, why: object) -> ValueError:
    """Return the refusal of a folder of arrays, or of a file in one."""
    folder = path if path.is_dir() else path.parent
    return ValueError(
        f"{path} is damaged ({why}); remove the folder {folder}, and it is made again"
    )


def write_images(path: Path, images: Iterator[Images], shape: tuple[int, ...]) -> None:
    """Write images one after another as one .npy of this shape (N, ...)."""
    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for image in images:
            file.write(np.ascontiguousarray(image).data)


def check_space(folder: Path, needed: int) -> None:
    """Raise ValueError unless the disk has room for so many bytes."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ValueError(
            f"the decoded images take {needed / 1e9:,.1f} GB, and {folder} has "
            f"{free / 1e9:,.1f} GB free; name another folder by the parameter cache or by "
            "RAYAL_CACHE, or ask for a smaller size"
        )


def _make(folder: Path, about: Mapping[str, Any], make: Callable[[Path], None]) -> None:
    remove_leftovers(folder.parent, folder.name)
    if folder.exists():
        shutil.rmtree(folder)  # without its about.json: not made to its end
    with temporary_beside(folder) as temporary:
        temporary.mkdir()
        make(temporary)
        (temporary / manifest.NAME).write_bytes(manifest.of_folder(temporary))
        (temporary / _ABOUT).write_text(json.dumps(about, indent=1), encoding="utf-8")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with ExitStack() as held:
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(lock(folder.with_name(f".{folder.name}.lock")))
        except OSError as error:
            raise OSError(
                f"{folder.parent} cannot be written to ({error.strerror}); name another folder by "
                "the parameter cache or by RAYAL_CACHE"
            ) from error
        yield
