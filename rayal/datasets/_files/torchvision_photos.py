"""Published sets of photographs of mixed sizes, fetched by torchvision.datasets, decoded here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rayal.contracts import Dataset
from rayal.datasets._files.decode import Decoding
from rayal.datasets._files.decoded_images import FileList, load_decoded
from rayal.datasets._files.locations import check_complete, find_or_fetch

ClassesAndFiles: TypeAlias = tuple[Sequence[str], dict[str, FileList]]

OXFORD = "https://www.robots.ox.ac.uk/~vgg"


@dataclass(frozen=True)
class PublishedPhotos:
    """A set as published.

    torchvision_class: which fetches it.
    folder: of its files, in torchvision's root.
    marker: in that folder, there when the set is.
    by_hand: the command that fetches and unpacks it; "{folder}" in it is the root.
    num_classes: how many.
    sizes: images of "train" and "test".
    """

    torchvision_class: str
    folder: str
    marker: str
    by_hand: str
    num_classes: int
    sizes: Mapping[str, int]

    @property
    def size(self) -> tuple[int, int]:
        """Published (N, C)."""
        return self.sizes["train"], self.num_classes


def load_published_photos(  # noqa: PLR0913  what is published, and a dataset's own parameters
    name: str,
    published: PublishedPhotos,
    read: Callable[[Path], ClassesAndFiles],
    *,
    root: str,
    size: int,
    download: bool,
    cache: str,
) -> Dataset:
    """Load a set; the pool is its training and validation set together.

    Args:
        name: of the dataset.
        published: what is known of it.
        read: its folder -> classes, and the files of each split.
        root: torchvision's root; "" is RAYAL_DATA, or the usual ones.
        size: height and width in pixels.
        download: fetch it where it is absent.
        cache: folder for the decoded images.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: files in it are missing or damaged.
    """
    folder = _folder_of(published, root, download)
    classes, splits = _checked(name, published, read, folder)
    return load_decoded((name, classes), folder, splits, Decoding(size, 3), cache)


def _folder_of(published: PublishedPhotos, root: str, download: bool) -> Path:
    def fetch(folder: Path) -> None:
        from rayal.vision.torchvision_cpu import torchvision

        getattr(torchvision().datasets, published.torchvision_class)(str(folder), download=True)

    by_hand = f"set download: true, or run: {published.by_hand}"
    marker = f"{published.folder}/{published.marker}"
    place = find_or_fetch(root, marker, by_hand, fetch if download else None)
    return (place / published.folder).resolve()


def _checked(
    name: str,
    published: PublishedPhotos,
    read: Callable[[Path], ClassesAndFiles],
    folder: Path,
) -> ClassesAndFiles:
    try:
        classes, splits = read(folder)
    except Exception as error:  # readers raise whatever damaged bytes lead to
        raise ValueError(
            f"the lists of {name} in {folder} are damaged or not all there ({error}); remove the "
            "folder and get it again"
        ) from error
    present = {split: len(listed.files) for split, listed in splits.items()}
    check_complete(name, folder, present, published.sizes)
    return classes, splits
