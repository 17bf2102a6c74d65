"""Describable Textures Dataset (Cimpoi et al. 2014), split 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.decode import Side
from rayal.datasets._files.decoded_images import FileList
from rayal.datasets._files.torchvision_photos import (
    OXFORD,
    ClassesAndFiles,
    PublishedPhotos,
    load_published_photos,
)

PUBLISHED = PublishedPhotos(
    torchvision_class="DTD",
    folder="dtd/dtd",
    marker="labels/train1.txt",
    by_hand="mkdir -p {folder}/dtd && "
    f"curl -L {OXFORD}/data/dtd/download/dtd-r1.0.1.tar.gz | tar xz -C {{folder}}/dtd",
    num_classes=47,
    sizes={"train": 3_760, "test": 1_880},
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: [80] * 47)
def dtd(*, root: str = "", size: Side = 224, download: bool = False, cache: str = "") -> Dataset:
    """Load dtd: 3,760 photographs to choose from, 80 of each of 47 textures; 1,880 to test.

    The pool is the published training and validation set of split 1 together.

    Args:
        root: torchvision's root, the folder that holds dtd/dtd; "" is
            RAYAL_DATA, or the usual ones.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        download: fetch it where it is absent.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    return load_published_photos(
        "dtd", PUBLISHED, _read, root=root, size=size, download=download, cache=cache
    )


def _read(folder: Path) -> ClassesAndFiles:
    def lines(*splits: str) -> list[str]:
        files = (folder / "labels" / f"{split}1.txt" for split in splits)
        return sorted(line for file in files for line in file.read_text().split())

    parts = {"train": lines("train", "val"), "test": lines("test")}
    classes = sorted({line.partition("/")[0] for line in parts["train"]})
    return classes, {
        split: FileList(
            [f"images/{line}" for line in part],
            np.array([classes.index(line.partition("/")[0]) for line in part], dtype=np.int64),
        )
        for split, part in parts.items()
    }
