"""Files among the images that are none of a project: labels of theirs are not taken for its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rayal.datasets._files.scan import nfc
from rayal.labeling.errors import LabelingError
from rayal.labeling.project import Project


class OtherFiles:
    """What was left out of a project, and what came after it was made."""

    def __init__(self, project: Project) -> None:
        left_out = [file for file in project.left_out if not file.rayal_id]
        self._reasons = {nfc(file.path): file.reason for file in left_out}
        self._paths: dict[str, str] = {}  # of those, by their names
        for path in self._reasons:
            self._paths.setdefault(PurePosixPath(path).name, path)
        self._source = _source(project)

    def refuse(self, place: str, name: str) -> None:
        """Refuse a name that a file has, or a path of one, which is no image of the project.

        A name of an image in another folder is not looked for: which is meant would be a guess.

        Raises:
            ValueError: there is such a file; the message begins with `place`.
        """
        for wanted in _forms(name):
            path = wanted if wanted in self._reasons else self._paths.get(wanted)
            if path:
                raise ValueError(
                    f"{place}: the file {path} was left out of the project, and has no label in "
                    f"it ({self._reasons[path]})"
                )
            if self._source and _is_file(self._source / wanted):
                raise ValueError(
                    f"{place}: the file {wanted} is none of the project's images, as where it was "
                    "added or renamed after they were read"
                )


def _forms(name: str) -> Iterator[str]:
    """Yield a name as it may stand for a path below the images."""
    yield nfc(name)
    yield nfc(name.strip()).replace("\\", "/").removeprefix("./")


def _source(project: Project) -> Path | None:
    """Return where the images lie, None where there are none or they were moved away."""
    try:
        return project.source if project.has_images else None
    except LabelingError:
        return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long, or holds a zero byte
        return False
