"""Names of classes as they are kept, and sets of them: several classes on one image.

Written as text a set is "effusion; mass", and the empty one "none of them": an image of which
somebody said that it has none of the classes, which is not an image that nobody looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rayal.datasets._files import compound_names
from rayal.datasets._files.compound_names import SEPARATORS
from rayal.datasets._files.lookalikes import is_blank, lookalikes, shown, skeleton
from rayal.hints import first_of, nearest
from rayal.labeling.errors import LabelingError

LONGEST_NAME = 200  # characters
SIMILAR = 0.85  # how alike two spellings are, from 0 to 1, before one is asked about
NONE = "none of them"
NOT_USABLE_NAME = "not usable"  # what stands for an image that cannot be labeled
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_SHOWN = 12  # names in a message


@dataclass(frozen=True)
class ClassSet:
    """The classes of one image of a project whose images may have several; names are sorted."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{SEPARATORS[0]} ".join(self.names) or NONE


def class_name(text: str) -> str:
    """Return the name of a class as it is kept: without spaces around it, in one Unicode form.

    Raises:
        ValueError: it is empty, longer than 200 characters, or has signs that do not show or that
            stand for a character that was lost.
    """
    if not isinstance(text, str):
        raise ValueError(f"the name of a class is text, and this is {text!r}")
    name = unicodedata.normalize("NFC", text.strip())
    if not name or len(name) > LONGEST_NAME:
        raise ValueError(
            f"the name of a class has 1 to {LONGEST_NAME} characters, and {name[:40]!r} has "
            f"{len(name)}"
        )
    if is_blank(name) or any(map(_is_hidden, name)):
        raise ValueError(f"the name of a class has signs that do not show: {name[:40]!a}")
    if "\ufffd" in name:
        raise ValueError(
            f"the class {name[:40]!r} lacks a character, which was lost when a file was saved: "
            "write it anew"
        )
    return name


def means_not_usable(text: str) -> bool:
    """Whether text says that an image cannot be labeled, however it is written: "Not_usable"."""
    return skeleton(text) == skeleton(NOT_USABLE_NAME)


def similar_class(name: str, counts: Mapping[str, int]) -> str:
    """Return " (did you mean ...?)" where a class is spelled nearly as a more frequent one, or "".

    Names that differ in their digits alone, such as grade 1 and grade 2, are different classes.

    Args:
        name: the class.
        counts: labels of every class.
    """
    letters, own = re.sub(r"\d", "", name), counts.get(name, 0)
    others = (
        other
        for other, count in counts.items()
        if count > own and re.sub(r"\d", "", other) != letters
    )
    known = nearest(name, others, cutoff=SIMILAR)
    return (
        f" ({known.removeprefix(', ')} then correct the label and import it again)" if known else ""
    )


def names_of(label: str | ClassSet) -> tuple[str, ...]:
    """Return the classes that a label says of its image."""
    return (label,) if isinstance(label, str) else label.names


def class_set(names: Iterable[str]) -> ClassSet:
    """Return a set of classes; none twice, in the order of the alphabet.

    Raises:
        ValueError: a name is no name of a class (`class_name`), or they are one text.
    """
    if isinstance(names, str):
        raise ValueError(f"several classes are a list of names, and these are {names!r}")
    return ClassSet(tuple(sorted({class_name(name) for name in names})))


def split_classes(texts: Iterable[str]) -> ClassSet:
    """Return the classes that texts such as "effusion; mass" or "none of them" name.

    Args:
        texts: one or several, which together say what is on one image.

    Raises:
        ValueError: they name no class and do not say "none of them", or do both.
    """
    parts = parts_of(texts)
    named = [part for part in parts if part.casefold() != NONE]
    says_none = len(named) < len(parts)
    if says_none and named:
        raise ValueError(f"'{NONE}' does not go with a class, and it stands with {named[0]!r}")
    if not says_none and not named:
        raise ValueError(f"it names no class: write '{NONE}' for an image that has none")
    return class_set(named)


def parts_of(texts: Iterable[str]) -> list[str]:
    """Return what stands between the separators of texts, without what is empty."""
    return [part for text in texts for part in compound_names.parts_of(text)]


def says_several(label: str, classes: Sequence[str]) -> bool:
    """Whether text in a table names several classes, and not one that has a separator in its name.

    classes: of the project.
    """
    return len(parts_of([label])) > 1 and label not in classes


def check_class_list(classes: Sequence[str]) -> None:
    """Refuse names that a project of several classes an image cannot keep apart.

    Raises:
        LabelingError: there is none; one holds a separator or is a word of another meaning; two
            look alike.
    """
    if not classes:
        raise LabelingError(
            "--multilabel needs the names of all classes, --classes effusion,mass,...: what an "
            "answer does not name is not on the image, so no class can be added later"
        )
    for name in classes:
        if any(sign in name for sign in SEPARATORS):
            raise LabelingError(
                f"the class {name!r} holds '{SEPARATORS[0]}' or '{SEPARATORS[1]}', which separate "
                "the classes of an image: rename it"
            )
        if name.casefold() == NONE:
            raise LabelingError(f"'{name}' is what an answer says instead of a class: rename it")
    check_distinct(classes)
    check_usable(classes)


def check_usable(classes: Iterable[str]) -> None:
    """Refuse names that are taken for the answer that an image cannot be labeled.

    Raises:
        LabelingError: there is such a name.
    """
    for name in filter(means_not_usable, classes):
        raise LabelingError(f"'{name}' is what an answer says instead of a class: rename it")


def check_distinct(names: Iterable[str], place: str = "", what: str = "class") -> None:
    """Refuse names that a person would take for one, of classes or of groups.

    Raises:
        LabelingError: two look alike; the message begins with `place`.
    """
    pair = lookalikes(sorted(set(names)))
    if pair:
        several = "classes" if what == "class" else f"{what}s"
        raise LabelingError(
            f"{place}the {several} {shown(pair[0])} and {shown(pair[1])} look alike: write them in "
            f"one way if they are one {what}, or else rename one of them"
        )


def check_known(named: ClassSet, classes: Sequence[str], place: str = "") -> None:
    """Refuse classes that are none of a project's, of which each answer speaks.

    Raises:
        LabelingError: there is such a class.
    """
    for name in named.names:
        if name not in classes:
            raise LabelingError(f"{place}{unknown_class(name, classes)}")


def unknown_class(name: str, classes: Sequence[str]) -> str:
    """Say that a class is none of a project's."""
    return (
        f"{name!r} is no class of this project{nearest(name, classes)}; it has "
        f"{first_of(classes, _SHOWN)}, which every answer speaks of: for others make a "
        "project with all of them (--classes, --out)"
    )


def _is_hidden(sign: str) -> bool:
    """Whether a character breaks lines, turns the direction of writing, or is none."""
    turns = unicodedata.bidirectional(sign) in _TURNS
    return turns or unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp")
