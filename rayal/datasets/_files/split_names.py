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


_NUMBER = r"(\d+|[a-e]|one|two|three|four|five|i{1,3}|iv|v)"
_FOLD = re.compile(
    rf"(cv|k|cross|validation|[ _.-])*(fold|split|subset|partition)s?[ _.-]*{_NUMBER}|cv[ _.-]*\d+",
    re.IGNORECASE,
)
_BESIDE_SPLIT = frozenset({"set", "data", "part", "images", "image", "batch", "chunk", "shard", ""})


def split_of(word: str) -> str:
    """Return "train", "val" or "test" for a word of that meaning in upper or lower case, or ""."""
    return SPLITS.get(word.strip().casefold(), "")


def hinted_split(name: str) -> str:
    """Return the split that a longer name speaks of (train_images, TestSet, trainA), or ""."""
    hints = {_HINTS[stem] for stem in _stems(name) if stem in _HINTS}
    return hints.pop() if len(hints) == 1 else ""


def is_part_of_split(name: str) -> bool:
    """Whether a name is that of a numbered part of a split: train1, test_part_2, no test_tube."""
    is_numbered = re.search(r"\d", name) is not None
    plain = all(stem in _HINTS or stem in _BESIDE_SPLIT for stem in _stems(name))
    return is_numbered and plain and bool(hinted_split(name))


def _stems(name: str) -> list[str]:
    """Return the words of a name, of trainset and traindata the first alone."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = re.findall(r"[a-z]+", parted.casefold())
    return [word.removesuffix("set").removesuffix("data") for word in words]


def is_fold(name: str) -> bool:
    """Whether a name is that of a part of a cross-validation: fold1, split-2, cv_fold 3."""
    return _FOLD.fullmatch(name.strip()) is not None
