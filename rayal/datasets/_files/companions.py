"""Files among the images of a class that belong to others: masks, drawings, thumbnails, copies."""

from __future__ import annotations

import re
import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

# Folders of what belongs to images elsewhere.
TARGETS = frozenset({
    "annotation", "annotations", "gt", "ground_truth", "groundtruth", "label", "labels", "mask",
    "masks", "segmentation", "segmentations",
})  # fmt: skip
_KINDS = (
    "masks?|seg|segmentation|gt|groundtruth|ground_truth|annotations?|annot|labels?|superpixels"
    "|overlay|roi|contours?|outline|heatmap|gradcam|thumb|thumbnail|preview"
)
# What is added to the name of an image: benign (1)_mask_1.png, mask_7.png, photo-150x150.jpg.
_AFTER = re.compile(rf"[ _.-](?:({_KINDS})([ _.-]?\d+)?|\d{{2,4}}x\d{{2,4}})$")
_BEFORE = re.compile(rf"^({_KINDS})[ _.-]")


def check_no_companions(folder: Path, root: Path, images: Sequence[str]) -> None:
    """Refuse what belongs to other images of a class: masks/1.png, or 1_mask.png beside 1.png.

    Args:
        folder: of the class.
        root: that images are relative to.
        images: of the class, in folders below it too.

    Raises:
        ValueError: an image may be another one's mask, annotation or thumbnail.
    """
    start = len(folder.resolve().relative_to(root.resolve()).parts)
    inner = [image.lower().split("/")[start:-1] for image in images]
    among = [bool(TARGETS.intersection(folders)) for folders in inner]
    stems = {image.rpartition(".")[0].casefold() for image in images}
    for image, is_target in zip(images, among, strict=True):
        if (is_target and not all(among)) or _belongs(image, stems):
            raise ValueError(
                f"{root / image} may be the mask or annotation of another image, or its thumbnail, "
                f"and would be an image of the class {folder.name}: move such files out of the "
                "folder, or rename them if they are images of their own"
            )


def _belongs(image: str, stems: set[str]) -> bool:
    path = PurePosixPath(image.rpartition(".")[0].casefold())
    own = {str(path.with_name(cut)) for cut in _without(path.name) if cut and cut != path.name}
    return bool(own & stems)


def _without(name: str) -> tuple[str, str]:
    return _AFTER.sub("", name), _BEFORE.sub("", name)


def warn_of_versions(folder: Path, images: Sequence[str]) -> None:
    """Warn of images whose names differ in the suffix alone: one picture in two formats, perhaps.

    Args:
        folder: that they lie in.
        images: their paths.
    """
    versions: dict[str, list[str]] = defaultdict(list)
    for image in images:
        versions[image.rpartition(".")[0].casefold()].append(image)
    several = [paths for paths in versions.values() if len(paths) > 1]
    if several:
        first, second = several[0][:2]
        warnings.warn(
            f"{folder}: {len(several):,} images have the name of another but for the suffix, such "
            f"as {first} and {second}: if these are one picture in two formats, remove one, or it "
            "may be to train and to test both",
            stacklevel=4,
        )
