"""Folders of classes: images that a person has sorted by moving or copying them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rayal.datasets._files.scan import list_images, subfolders
from rayal.datasets._files.split_names import hinted_split, is_fold
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Import, Returned, Sheet, tool
from rayal.labeling.pool import id_in, id_of_bytes
from rayal.storage import plain_files

LARGEST = 1 << 30  # bytes of a file
ONE_CLASS = (
    "is a folder with a folder for each class, in which an image has one class and those that are "
    "absent are not said"
)


@tool("class-folders")
class ClassFolders:
    """Nothing out; FOLDER/CLASS/IMAGE back, each known by the id in its name, or by its bytes."""

    def write(self, sheet: Sheet) -> str:
        if sheet.multilabel:
            return ""
        return "sorting by hand: copy images into FOLDER/CLASS/, whatever their names"

    def recognizes(self, path: Path) -> bool:
        return path.is_dir()

    def read(self, path: Path) -> Import:
        answers = Import("folders", one_class=ONE_CLASS)
        try:
            files = {
                name: list_images(folder, path) for name, folder in subfolders(path, path).items()
            }
        except ValueError as error:
            raise LabelingError(str(error)) from error
        _check_splits(path, {name: own for name, own in files.items() if own})
        for name, own in files.items():
            for file in own:
                _add(answers, path / file, file, name)
        if not answers.returned and not answers.refused:
            raise LabelingError(f"{path} has no folder with images: FOLDER/CLASS/IMAGE is read")
        return answers


def _check_splits(path: Path, files: Mapping[str, Sequence[str]]) -> None:
    """Refuse folders that are the parts of a data set, as if their names were the classes."""
    are_deep = all(file.count("/") > 1 for own in files.values() for file in own)
    if files and are_deep and all(hinted_split(name) or is_fold(name) for name in files):
        places = " ".join(str(path / name) for name in files)
        raise LabelingError(
            f"{path} has the folders {', '.join(map(repr, files))}, which are no classes but parts "
            f"of a data set, and have folders of classes: import those, rayal ingest DIR {places}"
        )


def _add(answers: Import, file: Path, name: str, label: str) -> None:
    try:
        rayal_id = id_in(name) or id_of_bytes(plain_files.read(file, LARGEST))
    except OSError as error:
        answers.refused.append(f"{name} cannot be read ({error.strerror or error})")
        return
    answers.returned.append(Returned(name, rayal_id, "", "label", label))
