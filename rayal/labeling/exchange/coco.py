"""COCO: the categories of an image's annotations, whatever their boxes and outlines.

An image without an annotation has no label, as many tools write all images; that it has none of the
classes is said by a category "none of them".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rayal.labeling.class_names import NOT_USABLE_NAME
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.pool import id_in
from rayal.storage import plain_files

LARGEST = 1 << 30  # bytes of an export


@tool("coco")
class Coco:
    """Nothing out; a JSON object with images, annotations and categories back."""

    def write(self, sheet: Sheet) -> str:
        return ""

    def recognizes(self, path: Path) -> bool:
        if not path.is_file() or path.suffix.lower() != ".json":
            return False
        with path.open("rb") as file:
            return file.read(64).lstrip().startswith(b"{")

    def read(self, path: Path) -> Import:
        content = _content(path)
        export = Import("coco", what="categories")
        try:
            categories = {one["id"]: str(one["name"]) for one in content["categories"]}
            names: dict[Any, dict[str, None]] = {one["id"]: {} for one in content["images"]}
            for one in content["annotations"]:
                names[one["image_id"]][categories[one["category_id"]]] = None
            for image in content["images"]:
                export.returned.append(
                    _returned(path, str(image["file_name"]), [*names[image["id"]]])
                )
        except (KeyError, TypeError) as error:
            raise LabelingError(
                f"{path} is damaged: an image, annotation or category lacks or names {error} that "
                "is not there; export it again"
            ) from error
        return export


def _returned(path: Path, name: str, classes: list[str]) -> Returned:
    place, rayal_id = f"{path.name}, image {name}", id_in(name)
    if not classes:
        return Returned(place, rayal_id, name, "withdraw", by="coco")
    if classes == [NOT_USABLE_NAME]:
        return Returned(place, rayal_id, name, "not_usable", by="coco")
    if len(classes) == 1:
        return Returned(place, rayal_id, name, "label", classes[0], "coco")
    return Returned(place, rayal_id, name, "label", by="coco", classes=tuple(classes))


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(plain_files.read(path, LARGEST))
    except (OSError, ValueError) as error:
        raise LabelingError(f"{path} is damaged ({error}); export it again") from error
    if not {"images", "annotations", "categories"} <= set(content):
        raise LabelingError(
            f"{path} is no list of tasks, as Label Studio exports JSON and JSON_MIN, and no COCO, "
            "which has images, annotations and categories"
        )
    return dict(content)
