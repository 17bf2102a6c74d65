"""Whether the file of an image is still what was read of it: by its facts, else by its bytes.

Size and time of the last change do not tell: files of one size from one archive have both in common
whatever their names. The time at which a file came to its name (ctime) cannot be set back.
"""

from __future__ import annotations

from pathlib import Path

from rayal.labeling.errors import LabelingError
from rayal.labeling.pool import PoolImage, id_of_bytes
from rayal.labeling.project import Project
from rayal.storage import plain_files

LARGEST = 1 << 30  # bytes of a file
_LOOKED_FOR = 20  # images of a pool, spread over it
CHANGED, GONE = "has changed since it was read", "has gone"


def why_lost(project: Project, row: int) -> str:
    """Say why an image's file is no longer what was read, "" where it is."""
    if not project.has_images:
        return ""
    image = project.pool[row]
    return why_not_as_read(project.source / image.path, image)


def why_lost_alone(project: Project, row: int) -> str:
    """Say the same, and nothing where all images were moved away."""
    try:
        return why_lost(project, row)
    except LabelingError:
        return ""


def has_changed(project: Project, row: int) -> bool:
    """Whether there is another image in the place of an image; not where there is none."""
    return why_lost_alone(project, row) == CHANGED


def check_place(project: Project, place: str) -> None:
    """Refuse a place for the images of a project that has none of some of them.

    Raises:
        LabelingError: it has none.
    """
    if not (project.is_ready and project.has_images):
        return
    rows = range(0, len(project.pool), -(-len(project.pool) // _LOOKED_FOR))
    if all(why_lost(project, row) for row in rows):
        raise LabelingError(
            f"{place} has no {project.pool[0].path} as it was read, nor {len(rows) - 1:,} others "
            "that were looked for: name the folder in which they lie now"
        )


def why_not_as_read(path: Path, image: PoolImage) -> str:
    """Say why a file is not what was read of an image, "" where it is."""
    try:
        facts = path.stat()
        now = facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns
        if now == (image.bytes, image.mtime_ns, image.ctime_ns):
            return ""
        same = id_of_bytes(plain_files.read(path, LARGEST)) == image.rayal_id
    except FileNotFoundError:
        return GONE
    except OSError as error:
        return f"cannot be read any more ({error.strerror or error})"
    return "" if same else CHANGED
