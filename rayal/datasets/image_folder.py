"""Your own images, a folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.class_folders import (
    file_list,
    files_by_class,
    find_splits,
    split_folders,
)
from rayal.datasets._files.decode import (
    DEFAULT_MAX_PIXELS,
    DEFAULT_SIDE,
    Background,
    Channels,
    Decoding,
    MaxPixels,
    Side,
)
from rayal.datasets._files.decoded_images import FileList, load_decoded
from rayal.datasets._files.passed_over import PassedOver
from rayal.datasets._files.scan import existing_folder
from rayal.datasets._files.split import SplitSeed, TestShare, split_by_share


@dataset()
def image_folder(  # noqa: PLR0913  where the files are, how they are split, how decoded
    *,
    path: str,
    test_share: TestShare | None = None,
    split_seed: SplitSeed = 0,
    size: Side = DEFAULT_SIDE,
    channels: Channels = "auto",
    background: Background = "black",
    max_pixels: MaxPixels = DEFAULT_MAX_PIXELS,
    cache: str = "",
) -> Dataset:
    """Load path/train/CLASS/*, path/test/CLASS/* and, where there is one, path/val/CLASS/*.

    The three may be written Train, TRAINING, valid and so on. Without such folders, path/CLASS/* is
    split by test_share. Classes are the folders' names in sorted order; folders below them count as
    theirs. The dataset is named after the folder.

    Files that are no images are left out, with a warning that counts them by suffix and reason:
    hidden files, folders in which file servers keep thumbnails, formats that are not read. What is
    ambiguous is refused: classes that look alike (mel, MEL), folders of thumbnails, splits
    that would become classes.

    Args:
        path: the folder.
        test_share: share of each class for the test set, if there are no folders train and test.
        split_seed: seed of that random split.
        size: height and width in pixels; the short side is scaled to it, and the middle cut out.
        channels: 1 for gray, 3 for color; auto: 1 if all files are gray, else 3.
        background: color behind transparent parts.
        max_pixels: images with more pixels are refused.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: empty folders or classes, links that leave the folder or lead nowhere, names
            whose meaning is not certain, files that cannot be read.
    """
    root = existing_folder(path)
    decoding = Decoding(size, channels, background, max_pixels)
    names = find_splits(root)
    if names and test_share is not None:
        raise ValueError(
            f"{root} has folders {names['train']} and {names['test']} already: leave test_share out"
        )
    classes, splits = (
        split_folders(root, names) if names else _one_folder(root, test_share, split_seed)
    )
    return load_decoded((root.name, classes), root, splits, decoding, cache)


def _one_folder(
    root: Path, test_share: float | None, seed: int
) -> tuple[Sequence[str], dict[str, FileList]]:
    if test_share is None:
        raise ValueError(
            f"{root} has no folders train and test; make them, or say how much of each class is to "
            "test, such as test_share: 0.2"
        )
    passed_over = PassedOver()
    files = files_by_class(root, root, passed_over)
    passed_over.warn(root)
    classes = sorted(files)
    return classes, split_by_share(file_list(files, classes), test_share, seed)
