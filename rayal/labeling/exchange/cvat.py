"""CVAT: a folder of images whose names sort in rank order, with its manifest; XML 1.1 back.

CVAT has lost orders in many ways, so the rank is part of each name; the id is too, for tags that
come back. The folder holds links to the files, no copies.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

from rayal.labeling.class_names import NOT_USABLE_NAME
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Entry, Import, Returned, Sheet, tool
from rayal.labeling.pool import id_in
from rayal.storage import plain_files
from rayal.storage.atomic import temporary_beside, write_bytes

FOLDER = "cvat"
_OF_A_MODEL = "auto"  # source of a tag that nobody has changed since; "semi-auto" has been
LARGEST = 1 << 30  # bytes of an export
_LONGEST = 80  # characters of a file's own name in the link's


@tool("cvat")
class Cvat:
    """A folder and its manifest out, tags back."""

    def write(self, sheet: Sheet) -> str:
        if any(entry.file is None for entry in sheet.entries):
            return ""
        folder = sheet.root / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        with temporary_beside(folder) as made:
            (made / "images").mkdir(parents=True)
            for entry in sheet.entries:
                _link(entry, made / "images" / link_name(entry))
            (made / "manifest.jsonl").write_text(_manifest(sheet), encoding="utf-8")
            labels = [{"name": name} for name in [*sheet.choices, NOT_USABLE_NAME]]
            write_bytes(made / "labels.json", json.dumps(labels, indent=1).encode())
        return (
            f"CVAT: cvat-cli task create round-{sheet.round} --labels @{folder}/labels.json local "
            f"{folder}/images/* --sorting-method lexicographical; label by tags; export as CVAT "
            "for images 1.1"
        )

    def recognizes(self, path: Path) -> bool:
        if path.is_file() and path.suffix.lower() == ".zip":
            return zipfile.is_zipfile(path)
        if not path.is_file() or path.suffix.lower() != ".xml":
            return False
        with path.open("rb") as file:
            return b"<annotations" in file.read(4096)

    def read(self, path: Path) -> Import:
        answers = Import("cvat", what="tags")
        parsed = _parsed(path)
        if parsed.find(".//track") is not None and parsed.find(".//image") is None:
            raise LabelingError(f"{path} has tracks of a video: export it as CVAT for images 1.1")
        for number, image in enumerate(parsed.iter("image")):
            name = image.get("name", "")
            place = f"{path.name}, image {name or number}"
            tags = list(dict.fromkeys(tag.get("label", "") for tag in image.iter("tag")))
            shapes = sorted({part.tag for part in image if part.tag != "tag" and part.get("label")})
            rayal_id = id_in(name)
            if any(tag.get("source") == _OF_A_MODEL for tag in image.iter("tag")):
                answers.refused.append(
                    f"{place} has a tag that a model has set (source '{_OF_A_MODEL}'), which no "
                    "person has confirmed: set it by hand, or remove it, and export again"
                )
            elif shapes and not tags:
                answers.refused.append(
                    f"{place} is annotated by {', '.join(shapes)}, of which no class is read: set "
                    "tags, or export as COCO, of which the categories of shapes are read"
                )
            elif len(tags) > 1:
                several = tuple(tags)
                answers.returned.append(
                    Returned(place, rayal_id, name, "label", by="cvat", classes=several)
                )
            elif not tags:
                answers.returned.append(Returned(place, rayal_id, name, "withdraw", by="cvat"))
            else:
                answers.returned.append(Returned(place, rayal_id, name, "label", tags[0], "cvat"))
        return answers


# RuntimeError: an archive that asks for a password, or is packed in another way.
_UNREADABLE = (
    OSError, KeyError, RuntimeError, ElementTree.ParseError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def link_name(entry: Entry) -> str:
    """Return the name of an image's link: rank, id, and what of its own name is plain."""
    assert entry.file is not None
    stem = re.sub(r"[^A-Za-z0-9.-]+", "_", Path(entry.path).stem)[:_LONGEST]
    return f"{entry.rank:06d}__{entry.rayal_id}__{stem}{entry.file.suffix.lower()}"


def _link(entry: Entry, place: Path) -> None:
    """Make a second name of the file; a link by path where it lies on another disk."""
    assert entry.file is not None
    file = entry.file.resolve()
    with contextlib.suppress(OSError):
        os.link(file, place)
    if not place.exists():
        place.symlink_to(file)


def _manifest(sheet: Sheet) -> str:
    lines: list[dict[str, object]] = [{"version": "1.1"}, {"type": "images"}]
    for entry in sheet.entries:
        stem, suffix = os.path.splitext(link_name(entry))  # noqa: PTH122  "a.b.png" has one suffix
        size = {"width": entry.width, "height": entry.height}
        lines.append({"name": f"images/{stem}", "extension": suffix, **size, "meta": {}})
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def _parsed(path: Path) -> ElementTree.Element:
    try:
        content = _content(path)
        if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
            raise LabelingError(f"{path} declares entities, which no export of CVAT does")
        return ElementTree.fromstring(content)
    except LabelingError:
        raise
    except _UNREADABLE as error:
        raise LabelingError(f"{path} is damaged ({error}); export it again") from error


def _content(path: Path) -> bytes:
    if path.suffix.lower() != ".zip":
        return plain_files.read(path, LARGEST)
    with zipfile.ZipFile(path) as archive:
        if "annotations.xml" not in archive.namelist():
            raise LabelingError(
                f"{path} holds no annotations.xml: export the task as CVAT for images 1.1"
            )
        if archive.getinfo("annotations.xml").file_size > LARGEST:
            raise LabelingError(f"{path}: its annotations.xml unpacks to more than 1 GB")
        return archive.read("annotations.xml")
