"""Which files are images of a project: those of a folder, at any depth, or those of a list.

Nothing stops a scan: what cannot be an image is left out with its reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rayal.datasets._files import dicom
from rayal.datasets._files.passed_over import DICOM, PassedOver, reason_of
from rayal.datasets._files.scan import is_image, list_images, nfc
from rayal.labeling.errors import LabelingError
from rayal.labeling.pool import LeftOut
from rayal.labeling.tables import Listed

_NOWHERE = os.devnull  # no file lies below it, so that no object is taken for a file of this disk


@dataclass(frozen=True)
class Candidate:
    """A file that may be an image; path: relative to the source; group: "" without groups."""

    path: str
    group: str = ""


@dataclass
class Scan:
    """Candidates in the order of their paths, and the files that are none."""

    candidates: list[Candidate] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


class _Kept(PassedOver):
    """Files that are passed over, each with its reason; DICOM apart where it can be read."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[tuple[str, str]] = []
        self.dicoms: list[str] = []

    def add(self, path: str, reason: str = "", count: int = 1) -> None:
        why = reason or reason_of(path)
        if why == DICOM and dicom.is_readable():
            self.dicoms.append(path)
        elif why:
            self.files.append((path, _without_pydicom(why)))


def scan_folder(root: Path) -> Scan:
    """Go through a folder and all below it.

    Names that are no UTF-8 are left out, since nothing could carry them to a tool and back.
    """
    kept, faults = _Kept(), list[tuple[str, str]]()
    images = list_images(root, root, kept, lambda path, message: faults.append((path, message)))
    scan = Scan()
    for path in sorted([*images, *(_relative(root, image) for image in kept.dicoms)]):
        _add(scan, path)
    for path, message in [*kept.files, *faults]:
        reason = message.removeprefix(path).strip(" :")
        scan.left_out.append(LeftOut(_printable(_relative(root, path)), reason))
    scan.left_out.sort(key=lambda image: image.path)
    return scan


def listed_once(root: Path, rows: Iterable[Listed]) -> list[Listed]:
    """Return the rows of a list, one for each file, with paths as a scan has them.

    Raises:
        LabelingError: two rows of one file say different things of it.
    """
    first: dict[str, Listed] = {}
    for row in rows:
        named = replace(row, path=_relative(root, str(root / row.path)))
        earlier = first.setdefault(named.path, named)
        if earlier != named:
            raise LabelingError(
                f"{row.place}: {named.path} is listed twice, and differently: {_said(earlier)}, "
                f"then {_said(named)}; keep the right row"
            )
    return list(first.values())


def scan_list(root: Path, rows: Iterable[tuple[str, str]]) -> Scan:
    """Take the files that a list names, (path, group), paths relative to root or absolute.

    A file that is named twice counts once.
    """
    scan, seen = Scan(), set[str]()
    for path, group in rows:
        place = root / path
        name = _relative(root, str(place))
        if name in seen:
            continue
        seen.add(name)
        reason = _why_not(place)
        if reason:
            scan.left_out.append(LeftOut(_printable(name), reason))
        else:
            _add(scan, name, group)
    return scan


def scan_names(names: Iterable[str]) -> Scan:
    """Take objects by their names below a prefix, as a folder's files are taken by theirs."""
    scan = Scan()
    for name in sorted(names):
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if reason := _why_no_image(f"{_NOWHERE}/{name}"):
            scan.left_out.append(LeftOut(_printable(name), reason))
        else:
            _add(scan, name)
    return scan


def with_groups(candidates: Sequence[Candidate], pattern: str) -> list[Candidate]:
    """Return the candidates with the group that a regular expression finds in their paths.

    Raises:
        ValueError: it is no regular expression, has no group in parentheses, or fits no path.
    """
    import re

    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    if expression.groups < 1:
        raise ValueError(
            f"{pattern!r} has no part in parentheses, naming the group: '^(slide\\d+)_'"
        )
    matches = [expression.search(candidate.path) for candidate in candidates]
    if candidates and not any(matches):
        raise ValueError(
            f"the pattern of groups {pattern!r} fits none of {len(candidates):,} paths, such as "
            f"{candidates[0].path!r}"
        )
    return [
        Candidate(candidate.path, nfc(match.group(1) or "") if match else "")
        for candidate, match in zip(candidates, matches, strict=True)
    ]


def _add(scan: Scan, path: str, group: str = "") -> None:
    if path.isprintable() or _is_utf8(path):
        scan.candidates.append(Candidate(path, group))
    else:
        scan.left_out.append(LeftOut(_printable(path), "its name is not UTF-8: rename it"))


def _why_not(place: Path) -> str:
    """Return why a file that is named is no image, "" where it may be one."""
    try:
        if not place.exists():
            return "there is no such file"
        if not place.is_file():
            return "is no plain file"
    except OSError as error:  # a name that is too long, a folder that may not be entered
        return f"it cannot be read: {(error.strerror or str(error)).lower()}"
    return _why_no_image(str(place))


def _why_no_image(path: str) -> str:
    reason = "" if is_image(Path(path).name) else reason_of(path) or "hidden"
    return "" if reason == DICOM and dicom.is_readable() else _without_pydicom(reason)


def _without_pydicom(reason: str) -> str:
    return "DICOM, which is read after: pip install 'rayal[dicom]'" if reason == DICOM else reason


def _said(row: Listed) -> str:
    cells = {"group": row.group, "label": row.label, "split": row.split}
    return ", ".join(f"{what} '{cell}'" for what, cell in cells.items() if cell) or "nothing"


def _relative(root: Path, path: str) -> str:
    place = Path(path)
    return place.relative_to(root).as_posix() if place.is_relative_to(root) else str(place)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode()
