"""What a file says of an image, brought to what its project holds: one class, or a set of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rayal.hints import first_of
from rayal.labeling.class_names import (
    NONE,
    NOT_USABLE_NAME,
    ClassSet,
    check_known,
    means_not_usable,
    parts_of,
    says_several,
    split_classes,
    unknown_class,
)
from rayal.labeling.errors import LabelingError
from rayal.labeling.exchange.tool import Import, Returned

_SHOWN = 5  # names in a message


def with_one_class(file: Path, export: Import, classes: Sequence[str]) -> Import:
    """Return what a file says, without images that it names several classes of; those are refused.

    Args:
        file: that it came from.
        export: what is in it.
        classes: that the project has.

    Raises:
        LabelingError: it has a column for each class.
    """
    if export.class_columns:
        names = first_of(export.class_columns, _SHOWN)
        raise LabelingError(
            f"{file} has a column of 0 and 1 for each class ({names}), and an image of this "
            "project has one class: name it in a column 'label'; for several classes an image make "
            "a project with --multilabel"
        )
    several = [returned for returned in export.returned if returned.classes is not None]
    refused = [
        f"{returned.place} has several {export.what} ({', '.join(returned.classes or ())}): "
        "one is needed"
        for returned in several
    ]
    kept = []
    for returned in (returned for returned in export.returned if returned.classes is None):
        label = returned.label or ""
        if _is_not_usable(label, classes):
            kept.append(replace(returned, action="not_usable", label=None))
        elif export.source == "csv" and says_several(label, classes):
            refused.append(
                f"{returned.place}: '{label}' names several classes, and an image of this project "
                "has one: name one, or make a project with --multilabel"
            )
        else:
            kept.append(returned)
    return replace(export, returned=kept, refused=[*export.refused, *refused])


def _is_not_usable(label: str, classes: Sequence[str]) -> bool:
    """Whether a label says so, and is no class that a project of an earlier version has."""
    is_written_so = label.strip().casefold() == NOT_USABLE_NAME
    return is_written_so or (means_not_usable(label) and label not in classes)


def with_class_sets(file: Path, export: Import, classes: Sequence[str]) -> Import:
    """Return what a file says with a set of classes in place of each label.

    An image whose label contradicts itself is refused, by its place.

    Args:
        file: that it came from.
        export: what is in it.
        classes: all that the project has.

    Raises:
        LabelingError: it names a class that the project does not have, lacks one of which it has
            columns, says labels in two ways, or cannot hold several classes.
    """
    _check_form(file, export, classes)
    converted = replace(export, returned=[], refused=list(export.refused))
    for returned in export.returned:
        try:
            converted.returned.append(_with_set(returned))
        except ValueError as error:
            converted.refused.append(f"{returned.place}: {error}")
    for returned in converted.returned:
        check_known(
            ClassSet(returned.classes or ()), classes, f"{file}, {_in_file(returned, file)}: "
        )
    return converted


def _with_set(returned: Returned) -> Returned:
    if returned.action != "label":
        return returned
    if returned.label is None and not returned.classes:
        return returned  # a table's row of zeros
    names = parts_of(returned.classes or () if returned.label is None else (returned.label,))
    usable = [part for part in names if not means_not_usable(part)]
    if len(usable) < len(names):
        if usable:
            raise ValueError(
                f"'{NOT_USABLE_NAME}' does not go with a class, and it stands with {usable[0]!r}"
            )
        return replace(returned, action="not_usable", label=None, classes=None)
    return replace(returned, label=None, classes=split_classes(names).names)


def _check_form(file: Path, export: Import, classes: Sequence[str]) -> None:
    if export.one_class:
        raise LabelingError(
            f"{file} {export.one_class}; this project has several an image: use a table "
            f"with a column 'label' ('{'; '.join(classes[:2])}', '{NONE}'), or with a column of 0 "
            "and 1 for each class"
        )
    both = [name for name in classes if name in export.beside_label]
    if both:
        raise LabelingError(
            f"{file} has a column 'label' and columns of classes ({first_of(both, _SHOWN)}): leave "
            "one of the two out"
        )
    if export.class_columns:
        _check_columns(file, export, classes)


def _check_columns(file: Path, export: Import, classes: Sequence[str]) -> None:
    for name in classes:
        if name in export.other_columns:
            raise LabelingError(
                f"{file}: the column of the class {name!r} holds 0 or 1, and "
                f"{export.other_columns[name]}"
            )
        if name not in export.class_columns:
            raise LabelingError(
                f"{file} has no column for the class {name!r}: that an image has not got it would "
                "be a guess; add the column"
            )
    for name in export.class_columns:
        if name not in classes:
            raise LabelingError(
                f"{file} has a column of 0 and 1 that is no class: {unknown_class(name, classes)}; "
                "leave the column out if it is none"
            )


def _in_file(returned: Returned, file: Path) -> str:
    """Return where in its file something stands."""
    return returned.place.removeprefix(f"{file.name}, ")
