"""The words that say train, val or test: names of folders, and cells of a table."""

from __future__ import annotations

import re

SPLITS = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


# Of these, one alone may be the name of a class.
_HINTS = SPLITS | {
    "trn": "train", "dev": "val", "tst": "test", "eval": "test", "evaluation": "test",
    "holdout": "test", "heldout": "test",
}  # fmt: skip


_FOLD = re.compile(r"(cv|k|cross|validation|[ _.-])*(fold|split)s?[ _.-]*\d+", re.IGNORECASE)


def split_of(word: str) -> str:
    """Return "train", "val" or "test" for a word of that meaning in upper or lower case, or ""."""
    return SPLITS.get(word.strip().casefold(), "")


def hinted_split(name: str) -> str:
    """Return the split that a longer name speaks of (train_images, TestSet, trainA), or ""."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[a-z]+", parted.casefold())
    stems = (word.removesuffix("set").removesuffix("data") for word in words)
    hints = {_HINTS[stem] for stem in stems if stem in _HINTS}
    return hints.pop() if len(hints) == 1 else ""


def is_fold(name: str) -> bool:
    """Whether a name is that of a part of a cross-validation: fold1, split-2, cv_fold 3."""
    return _FOLD.fullmatch(name.strip()) is not None
