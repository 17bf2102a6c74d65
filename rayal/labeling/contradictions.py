"""Two things that files say of one image at once: which of them holds is not ours to say.

Answers of several people, and of one person at different times, are no contradiction: those are
told apart by who said them, and when. A table of a row for each pair of image and class looks like
this too, and taking its last row for all of the image's classes would be wrong.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from rayal.labeling.exchange.tool import Returned

Matched = Sequence[tuple[str, Returned]]


def without_contradictions(matched: Matched) -> tuple[list[tuple[str, Returned]], list[str]]:
    """Return what files say without the images about which they contradict, and why not.

    Args:
        matched: id of the image and what is said of it, in the order of the files.
    """
    answers: dict[Hashable, list[Returned]] = {}
    for rayal_id, one in matched:
        if one.is_answer:
            answers.setdefault(_author(rayal_id, one), []).append(one)
    reasons = {key: reason for key, ones in answers.items() if (reason := _contradiction(ones))}
    kept = [
        (rayal_id, one)
        for rayal_id, one in matched
        if not (one.is_answer and _author(rayal_id, one) in reasons)
    ]
    return kept, list(reasons.values())


def _author(rayal_id: str, one: Returned) -> Hashable:
    return rayal_id, one.by, one.at


def _contradiction(ones: Sequence[Returned]) -> str:
    """Return what differs between the first and another, "" where all agree."""
    first = ones[0]
    other = next((one for one in ones if _meaning(one) != _meaning(first)), None)
    if other is None:
        return ""
    way_out = "keep the right one"
    if first.classes is not None and other.classes is not None:
        way_out += ", with all of the image's classes in it"
    if not first.by:
        way_out += ", or name the people in a column 'annotator'"
    return (
        f"{other.place} says {_words(other)} of an image of which {first.place} says "
        f"{_words(first)}: {way_out}; neither was taken"
    )


def _meaning(one: Returned) -> Hashable:
    label = None if one.label is None else one.label.strip()
    return one.action, label, None if one.classes is None else frozenset(one.classes)


def _words(one: Returned) -> str:
    if one.action == "not_usable":
        return "that it is not usable"
    if one.classes is None:
        return repr(one.label)
    return repr("; ".join(one.classes)) if one.classes else "that it has none of the classes"
