"""COCO: the categories of an image's annotations, whatever their boxes and outlines.

An image without an annotation has no label, as many tools write all images; that it has none of the
classes is said by a category "none of them".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.json_export import begins_with, read_json
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.pool import id_in

_PREDICTED = (
    "is annotated with a score, as a model predicts: have a person confirm it, and export what "
    "people said"
)


@tool("coco")
class Coco:
    """Nothing out; a JSON object with images, annotations and categories back."""

    def write(self, sheet: Sheet) -> str:
        return ""

    def recognizes(self, path: Path) -> bool:
        return path.is_file() and path.suffix.lower() == ".json" and begins_with(path, b"{")

    def read(self, path: Path) -> Import:
        content = _content(path)
        export = Import("coco", what="categories")
        try:
            for part in ("images", "categories"):
                _check_ids(path, part, [one["id"] for one in content[part]])
            categories = {one["id"]: str(one["name"]) for one in content["categories"]}
            names: dict[Any, dict[str, None]] = {one["id"]: {} for one in content["images"]}
            for one in content["annotations"]:
                names[one["image_id"]][categories[one["category_id"]]] = None
            predicted = {o["image_id"] for o in content["annotations"] if _is_predicted(o)}
            for image in content["images"]:
                one = _returned(path, str(image["file_name"]), [*names[image["id"]]])
                if image["id"] in predicted:
                    export.refused.append(f"{one.place} {_PREDICTED}")
                else:
                    export.returned.append(one)
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
    if len(classes) == 1:
        return Returned(place, rayal_id, name, "label", classes[0], "coco")
    return Returned(place, rayal_id, name, "label", by="coco", classes=tuple(classes))


def _is_predicted(annotation: Mapping[str, Any]) -> bool:
    """Whether an annotation is a prediction, which has a score; people's have none, or 1."""
    score = annotation.get("score")
    return isinstance(score, int | float) and score < 1


def _content(path: Path) -> dict[str, Any]:
    content = read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not set(parts) <= content.keys():
        raise LabelingError(
            f"{path} is no list of tasks, as Label Studio exports JSON and JSON_MIN, and no COCO, "
            "which has images, annotations and categories"
        )
    for part in parts:
        entries = content[part]
        if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
            raise LabelingError(f"{path} is damaged: its {part} are no list; export it again")
    return content


def _check_ids(path: Path, part: str, ids: Iterable[Any]) -> None:
    twice = [one for one, count in Counter(ids).items() if count > 1]
    if twice:
        raise LabelingError(
            f"{path} is damaged: {len(twice):,} ids of its {part} stand there several times, such "
            f"as {twice[0]!r}, so annotations cannot tell which is meant; export it again"
        )
