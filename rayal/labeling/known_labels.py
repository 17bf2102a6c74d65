"""Labels that a list of images has in a column, which are known before anything is chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rayal.datasets._files.compound_names import compound_name
from rayal.datasets._files.lookalikes import means_missing
from rayal.labeling.class_names import (
    ClassSet,
    check_distinct,
    check_known,
    class_name,
    split_classes,
)
from rayal.labeling.errors import LabelingError
from rayal.labeling.pool import PoolImage
from rayal.labeling.reading import Reading
from rayal.labeling.settings import Settings
from rayal.labeling.tables import Listed


def labels_by_path(
    rows: Sequence[Listed], table: str, settings: Settings
) -> dict[str, str | ClassSet]:
    """Return the label of each row by its path, "" where it has none.

    Raises:
        LabelingError: where an image may have several classes, a cell names one that the project
            does not have, or contradicts itself; where it has one, a cell names several, is no
            name of a class, or two look alike.
    """
    if not settings.multilabel:
        _check_names(rows)
        _check_one_class(rows, table)
        check_distinct([*settings.classes, *(row.label for row in rows if row.label)], f"{table}: ")
        return {row.path: row.label for row in rows}
    return {row.path: _class_set(row, table, settings.classes) for row in rows if row.label}


def _check_names(rows: Sequence[Listed]) -> None:
    for row in rows:
        try:
            class_name(row.label or "none")
        except ValueError as error:
            raise LabelingError(f"{row.place}: {error}") from error


def _check_one_class(rows: Sequence[Listed], table: str) -> None:
    found = compound_name(row.label for row in rows if row.label)
    if found:
        label, part = found
        path = next(row.path for row in rows if row.label == label)
        raise LabelingError(
            f"{table}, {path}: the label '{label}' names several classes (one is '{part}'), and "
            "an image of this project has one: name one, or add --multilabel and --classes with "
            "the names of all classes"
        )


def labels_by_id(
    reading: Reading, images: Sequence[PoolImage], labels: Mapping[str, str | ClassSet]
) -> dict[str, str | ClassSet]:
    """Return the labels of images of the pool, by id.

    Raises:
        LabelingError: two files of the same bytes have different labels.
    """
    ids = {image.path: image.rayal_id for image in reading.images}
    ids |= {left_out.path: left_out.rayal_id for left_out in reading.left_out if left_out.rayal_id}
    in_pool = {image.rayal_id for image in images}
    known: dict[str, tuple[str, str | ClassSet]] = {}
    for path, name in labels.items():
        rayal_id = ids.get(path)
        if not name or rayal_id not in in_pool:
            continue
        label = name if isinstance(name, ClassSet) else class_name(name)
        other, earlier = known.setdefault(rayal_id, (path, label))
        if earlier != label:
            raise LabelingError(
                f"{other} and {path} have the same bytes, and the labels {_shown(earlier)} and "
                f"{_shown(name)}: correct one of them in the table"
            )
    return {rayal_id: label for rayal_id, (_, label) in known.items()}


def notes_of_labels(labels: Mapping[str, str | ClassSet]) -> list[str]:
    """Say where words that mean a missing label are taken for classes."""
    counts = Counter(label for label in labels.values() if isinstance(label, str))
    return [
        f"{counts[name]:,} images have the label '{name}', which is taken as a class like any "
        "other; empty these cells if it says that there is none"
        for name in filter(means_missing, sorted(counts))
    ]


def notes_of_groups(images: Sequence[PoolImage]) -> list[str]:
    """Say where words that mean a missing group are taken for groups."""
    counts = Counter(image.group for image in images)
    return [
        f"{counts[name]:,} images have the group '{name}', which is taken as a group like any "
        "other; empty these cells if it says that there is none"
        for name in filter(means_missing, sorted(counts))
    ]


def _class_set(row: Listed, table: str, classes: Sequence[str]) -> ClassSet:
    try:
        names = split_classes([row.label])
    except ValueError as error:
        raise LabelingError(f"{table}, {row.path}: {error}") from error
    check_known(names, classes, f"{table}, {row.path}: ")
    return names


def _shown(label: str | ClassSet) -> str:
    return repr(str(label))
