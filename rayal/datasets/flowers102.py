"""Oxford 102 Flowers (Nilsback and Zisserman 2008)."""

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
    torchvision_class="Flowers102",
    folder="flowers-102",
    marker="setid.mat",
    by_hand="mkdir -p {folder}/flowers-102 && cd {folder}/flowers-102 && "
    f"curl -L {OXFORD}/data/flowers/102/102flowers.tgz | tar xz && "
    f"curl -L {OXFORD}/data/flowers/102/imagelabels.mat -O {OXFORD}/data/flowers/102/setid.mat -O",
    num_classes=102,
    sizes={"train": 2_040, "test": 6_149},
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: [20] * 102)
def flowers102(
    *, root: str = "", size: Side = 224, download: bool = False, cache: str = ""
) -> Dataset:
    """Load flowers102: 2,040 photographs to choose from, 20 of each of 102 flowers; 6,149 to test.

    The pool is the published training and validation set together.

    Args:
        root: torchvision's root, the folder that holds flowers-102; "" is
            RAYAL_DATA, or the usual ones.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        download: fetch it where it is absent.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    return load_published_photos(
        "flowers102", PUBLISHED, _read, root=root, size=size, download=download, cache=cache
    )


def _read(folder: Path) -> ClassesAndFiles:
    from scipy.io import loadmat

    label = loadmat(folder / "imagelabels.mat")["labels"].ravel().astype(np.int64) - 1
    ids = loadmat(folder / "setid.mat")
    splits = {
        "train": np.sort(np.concatenate([ids["trnid"].ravel(), ids["valid"].ravel()])),
        "test": np.sort(ids["tstid"].ravel()),
    }
    classes = [str(c) for c in range(1, int(label.max()) + 2)]
    return classes, {
        split: FileList([f"jpg/image_{i:05d}.jpg" for i in members], label[members - 1])
        for split, members in splits.items()
    }
