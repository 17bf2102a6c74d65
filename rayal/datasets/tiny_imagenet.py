"""Tiny ImageNet in the layout that it is published in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.decode import Decoding
from rayal.datasets._files.decoded_images import FileList, load_decoded
from rayal.datasets._files.locations import check_complete, find_or_fetch
from rayal.datasets._files.scan import list_images

FOLDER = "tiny-imagenet-200"
URL = f"http://cs231n.stanford.edu/{FOLDER}.zip"
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
BY_HAND = (
    f"set download: true, or run: mkdir -p {{folder}} && curl -L {URL} -o /tmp/{FOLDER}.zip && "
    f"unzip -q /tmp/{FOLDER}.zip -d {{folder}}"
)
CLASSES, EACH, SIDE = 200, 500, 64
SIZES = {"train": CLASSES * EACH, "test": 10_000}


@dataset(published=lambda **_: (CLASSES * EACH, CLASSES), class_counts=lambda **_: [EACH] * CLASSES)
def tiny_imagenet(*, root: str = "", download: bool = False, cache: str = "") -> Dataset:
    """Load Tiny ImageNet: 100,000 images of 64 x 64 to choose from, 200 classes.

    The pool is the training set. The test set is the published validation set of 10,000: the
    labels of the test set were never published.

    Args:
        root: folder that holds tiny-imagenet-200; "" is RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    place = find_or_fetch(root, f"{FOLDER}/wnids.txt", BY_HAND, _fetch if download else None)
    folder = (place / FOLDER).resolve()
    ids = sorted((folder / "wnids.txt").read_text(encoding="utf-8").split())
    splits = {"train": _train(folder, ids), "test": _test(folder, ids)}
    present = {split: len(listed.files) for split, listed in splits.items()}
    check_complete("tiny_imagenet", folder, present, SIZES)
    about = ("tiny_imagenet", _readable(folder / "words.txt", ids))
    return load_decoded(about, folder, splits, Decoding(SIDE, 3), cache)


def _fetch(folder: Path) -> None:
    from rayal.vision.torchvision_cpu import torchvision

    torchvision().datasets.utils.download_and_extract_archive(URL, str(folder), md5=MD5)


def _train(folder: Path, ids: Sequence[str]) -> FileList:
    files: list[str] = []
    counts: list[int] = []
    for wnid in ids:
        images = folder / "train" / wnid / "images"
        files += list_images(images, folder) if images.is_dir() else []
        counts.append(len(files) - sum(counts))
    return FileList(files, np.repeat(np.arange(len(ids)), counts).astype(np.int64))


def _test(folder: Path, ids: Sequence[str]) -> FileList:
    annotations = folder / "val" / "val_annotations.txt"
    if not annotations.is_file():
        raise ValueError(f"{annotations} is missing: remove {folder} and get it again")
    rows = [line.split("\t") for line in annotations.read_text(encoding="utf-8").splitlines()]
    number = {wnid: c for c, wnid in enumerate(ids)}
    unknown = [row for row in rows if len(row) < 2 or row[1] not in number]
    if unknown:
        raise ValueError(f"{annotations}: no class of wnids.txt in the line {unknown[0]}")
    labels = np.array([number[row[1]] for row in rows], dtype=np.int64)
    return FileList([f"val/images/{row[0]}" for row in rows], labels)


def _readable(words: Path, ids: Sequence[str]) -> list[str]:
    """Return the first word for each class, with the id where two have the same."""
    if not words.is_file():
        return list(ids)
    lines = (line.partition("\t") for line in words.read_text(encoding="utf-8").splitlines())
    first = {wnid: text.split(",")[0].strip() for wnid, _, text in lines}
    names = [first.get(wnid) or wnid for wnid in ids]
    often = Counter(names)
    return [
        name if often[name] == 1 else f"{name} ({wnid})"
        for name, wnid in zip(names, ids, strict=True)
    ]
