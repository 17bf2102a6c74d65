"""ImageNet (ILSVRC 2012), a folder for each class."""

from __future__ import annotations

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.class_folders import split_folders
from rayal.datasets._files.decode import Decoding, Side
from rayal.datasets._files.decoded_images import load_decoded
from rayal.datasets._files.locations import check_complete, find_or_fetch

CLASSES = 1000
SIZES = {"train": 1_281_167, "test": 50_000}
BY_HAND = (
    "put ILSVRC2012_img_train.tar, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz from "
    'image-net.org (it asks you to register) into {folder}/imagenet and run: python -c "from '
    "torchvision.datasets import ImageNet; [ImageNet('{folder}/imagenet', split) for split in "
    "('train', 'val')]\""
)


@dataset(published=lambda **_: (SIZES["train"], CLASSES))
def imagenet(*, root: str = "", size: Side = 224, cache: str = "") -> Dataset:
    """Load ImageNet: 1,281,167 images to choose from, 1,000 classes.

    The pool is train/; the test set is val/, the 50,000 validation images: the labels of the test
    set were never published. Classes are WordNet ids. Decoded, 224 pixels take 200 GB, 64 pixels
    16 GB. Its classes are of different sizes: a plan of an imbalanced pool without the files shows
    the whole pool.

    Args:
        root: folder that holds imagenet/train/ID/* and imagenet/val/ID/*; "" is RAYAL_DATA, or the
            usual ones.
        size: height and width in pixels: the short side is brought to it, the middle cut out.
        cache: folder for the decoded images; "" is RAYAL_CACHE, or ~/.cache/rayal.

    Raises:
        FileNotFoundError: it is absent.
        ValueError: files in it are missing or damaged, or the cache has no room.
    """
    folder = (find_or_fetch(root, "imagenet/train", BY_HAND) / "imagenet").resolve()
    if not (folder / "val").is_dir():
        raise FileNotFoundError(
            f"there is no {folder / 'val'}; {BY_HAND.format(folder=folder.parent)}"
        )
    classes, splits = split_folders(folder, {"train": "train", "test": "val"})
    present = {split: len(listed.files) for split, listed in splits.items()}
    check_complete("imagenet", folder, present, SIZES)
    return load_decoded(("imagenet", classes), folder, splits, Decoding(size, 3), cache)
