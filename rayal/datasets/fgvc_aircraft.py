"""FGVC-Aircraft (Maji et al. 2013), its 100 variants."""

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
    torchvision_class="FGVCAircraft",
    folder="fgvc-aircraft-2013b/data",
    marker="images_variant_trainval.txt",
    by_hand=f"mkdir -p {{folder}} && curl -L {OXFORD}/data/fgvc-aircraft/archives/"
    "fgvc-aircraft-2013b.tar.gz | tar xz -C {folder}",
    num_classes=100,
    sizes={"train": 6_667, "test": 3_333},
)


@dataset(published=lambda **_: PUBLISHED.size)
def fgvc_aircraft(
    *, root: str = "", size: Side = 224, download: bool = False, cache: str = ""
) -> Dataset:
    """Load fgvc_aircraft: 6,667 photographs to choose from, 3,333 to test, 100 variants.

    Each variant has 66 or 67 of the pool, which is the published training and validation set
    together.

    Args:
        root: torchvision's root, the folder that holds fgvc-aircraft-2013b/data; "" is
            RAYAL_DATA, or the usual ones.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        download: fetch it where it is absent.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    return load_published_photos(
        "fgvc_aircraft", PUBLISHED, _read, root=root, size=size, download=download, cache=cache
    )


def _read(folder: Path) -> ClassesAndFiles:
    classes = (folder / "variants.txt").read_text(encoding="utf-8").splitlines()
    splits: dict[str, FileList] = {}
    for split, name in (("train", "trainval"), ("test", "test")):
        text = (folder / f"images_variant_{name}.txt").read_text(encoding="utf-8")
        pairs = [line.split(" ", 1) for line in text.splitlines()]
        labels = np.array([classes.index(variant.strip()) for _, variant in pairs], dtype=np.int64)
        splits[split] = FileList([f"images/{image}.jpg" for image, _ in pairs], labels)
    return classes, splits
