"""Published sets of photographs of mixed sizes, fetched by torchvision.datasets, decoded here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.decode import Decoding, Side
from rayal.datasets._files.decoded_images import Listed, load_pictures
from rayal.datasets._files.locations import check_complete, located

Splits = dict[str, Listed]
Named = tuple[Sequence[str], Splits]  # classes, files


@dataclass(frozen=True)
class _Set:
    """A set as published.

    kind: torchvision's class, which fetches it; folder: of its files, in torchvision's root;
    marker: in that folder, there when the set is; by_hand: the command that unpacks its archive;
    read: folder -> classes and files; classes, each: how many, and training images of one, where
    all have as many; sizes: of the splits.
    """

    kind: str
    folder: str
    marker: str
    by_hand: str
    read: Callable[[Path], Named]
    classes: int
    each: int | None
    sizes: dict[str, int]
    text: str


def _flowers(folder: Path) -> Named:
    from scipy.io import loadmat

    label = loadmat(folder / "imagelabels.mat")["labels"].ravel().astype(np.int64) - 1
    ids = loadmat(folder / "setid.mat")
    splits = {
        "train": np.sort(np.concatenate([ids["trnid"].ravel(), ids["valid"].ravel()])),
        "test": np.sort(ids["tstid"].ravel()),
    }
    classes = [str(c) for c in range(1, int(label.max()) + 2)]
    return classes, {
        split: Listed([f"jpg/image_{i:05d}.jpg" for i in members], label[members - 1])
        for split, members in splits.items()
    }


def _dtd(folder: Path) -> Named:
    def lines(*splits: str) -> list[str]:
        files = (folder / "labels" / f"{split}1.txt" for split in splits)
        return sorted(line for file in files for line in file.read_text().split())

    parts = {"train": lines("train", "val"), "test": lines("test")}
    classes = sorted({line.partition("/")[0] for line in parts["train"]})
    return classes, {
        split: Listed(
            [f"images/{line}" for line in part],
            np.array([classes.index(line.partition("/")[0]) for line in part], dtype=np.int64),
        )
        for split, part in parts.items()
    }


def _aircraft(folder: Path) -> Named:
    classes = (folder / "variants.txt").read_text(encoding="utf-8").splitlines()
    splits: Splits = {}
    for split, name in (("train", "trainval"), ("test", "test")):
        text = (folder / f"images_variant_{name}.txt").read_text(encoding="utf-8")
        pairs = [line.split(" ", 1) for line in text.splitlines()]
        labels = np.array([classes.index(variant.strip()) for _, variant in pairs], dtype=np.int64)
        splits[split] = Listed([f"images/{image}.jpg" for image, _ in pairs], labels)
    return classes, splits


_OXFORD = "https://www.robots.ox.ac.uk/~vgg"

SETS = {
    "flowers102": _Set(
        "Flowers102",
        "flowers-102",
        "setid.mat",
        "mkdir -p {folder}/flowers-102 && cd {folder}/flowers-102 && "
        f"curl -L {_OXFORD}/data/flowers/102/102flowers.tgz | tar xz && "
        f"curl -L {_OXFORD}/data/flowers/102/imagelabels.mat -O "
        f"{_OXFORD}/data/flowers/102/setid.mat -O",
        _flowers,
        102,
        20,
        {"train": 2_040, "test": 6_149},
        "2,040 photographs to choose from, 20 of each of 102 flowers; 6,149 to test",
    ),
    "dtd": _Set(
        "DTD",
        "dtd/dtd",
        "labels/train1.txt",
        "mkdir -p {folder}/dtd && "
        f"curl -L {_OXFORD}/data/dtd/download/dtd-r1.0.1.tar.gz | tar xz -C {{folder}}/dtd",
        _dtd,
        47,
        80,
        {"train": 3_760, "test": 1_880},
        "3,760 photographs to choose from, 80 of each of 47 textures; 1,880 to test (split 1)",
    ),
    "fgvc_aircraft": _Set(
        "FGVCAircraft",
        "fgvc-aircraft-2013b/data",
        "images_variant_trainval.txt",
        f"mkdir -p {{folder}} && curl -L {_OXFORD}/data/fgvc-aircraft/archives/"
        "fgvc-aircraft-2013b.tar.gz | tar xz -C {folder}",
        _aircraft,
        100,
        None,
        {"train": 6_667, "test": 3_333},
        "6,667 photographs to choose from, 66 or 67 of each of 100 variants; 3,333 to test",
    ),
}


def _register(name: str) -> None:
    def published(**_: object) -> tuple[int, int]:
        return SETS[name].sizes["train"], SETS[name].classes

    def load(
        *, root: str = "", size: Side = 224, download: bool = False, cache: str = ""
    ) -> Dataset:
        folder = _located(SETS[name], root, download)
        classes, splits = _read(name, SETS[name], folder)
        return load_pictures((name, classes), folder, splits, Decoding(size, 3), cache)

    load.__name__ = load.__qualname__ = name
    load.__doc__ = f"""Load {name}: {SETS[name].text}.

    The pool is the published training and validation set together.

    Args:
        root: torchvision's root, the folder that holds {SETS[name].folder}; "" is RAYAL_DATA, or
            the usual ones.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        download: fetch it where it is absent.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    each, classes = SETS[name].each, SETS[name].classes
    counts = None if each is None else lambda **_: [each] * classes
    dataset(published=published, class_counts=counts)(load)


for _name in SETS:
    _register(_name)


def _located(facts: _Set, root: str, download: bool) -> Path:
    def fetch(folder: Path) -> None:
        from rayal.vision.torchvision_cpu import torchvision

        getattr(torchvision().datasets, facts.kind)(str(folder), download=True)

    by_hand = f"set download: true, or run: {facts.by_hand}"
    marker = f"{facts.folder}/{facts.marker}"
    return (located(root, marker, by_hand, fetch if download else None) / facts.folder).resolve()


def _read(name: str, facts: _Set, folder: Path) -> Named:
    try:
        classes, splits = facts.read(folder)
    except Exception as error:  # its readers raise whatever damaged bytes lead to
        raise ValueError(
            f"the lists of {name} in {folder} are damaged or not all there ({error}); remove the "
            "folder and get it again"
        ) from error
    found = {split: len(listed.files) for split, listed in splits.items()}
    check_complete(name, folder, found, facts.sizes)
    return classes, splits
