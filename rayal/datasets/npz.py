"""Your own images in MedMNIST's file format."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.copies import Copies, Rows, notes_of_copies
from rayal.datasets._files.medmnist_format import read_medmnist_file
from rayal.datasets._files.notes import Brightness


@dataset(added={"multilabel"})
def npz(
    *, path: str, classes: Sequence[str] | None = None, multilabel: bool | None = None
) -> Dataset:
    """Load {train,val,test}_{images,labels} from a .npz; the dataset is named after the file.

    Images are chosen from train, and test measures; val may be left out. Two arrays X and y are
    written so: np.savez("cells.npz", train_images=X[a], train_labels=y[a], test_images=X[b],
    test_labels=y[b]), a and b the rows of the pool and of the test set.

    What may be a mistake is told by warnings: that all images are dark, that some are in the test
    set and outside it, that one image has two labels, that arrays of other names are left out.

    Args:
        path: of the file; images uint8 (N, H, W) or (N, H, W, 3), labels integers (N,) or (N, 1),
            or (N, C) of 0 and 1, -1 where unknown, where an image may have several classes.
        classes: their names in the order of the labels or columns; numbers where left out.
        multilabel: whether labels are columns of 0 and 1. Their shape says so where it is left
            out; files whose rows all name exactly one class are then refused.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged or an array in it is not as above.
    """
    file = Path(path).expanduser()
    data = read_medmnist_file(file, file.stem, classes, multilabel=multilabel)
    for note in _notes(data):
        warnings.warn(f"{file}: {note}", stacklevel=2)
    return data


def _notes(data: Dataset) -> list[str]:
    """Return what a person would want to know of the images: all are dark, some are the same."""
    splits = {"train": data.train, "test": data.test}
    splits |= {"val": data.val} if data.val is not None else {}
    brightness, copies = Brightness(), Copies()
    watched = (brightness.watched(name, own.images) for name, own in splits.items())
    for _ in copies.watched(image for images in watched for image in images):
        pass
    names = {name: Rows(f"{name}_images", len(own.labels)) for name, own in splits.items()}
    labels = {name: own.labels for name, own in splits.items()}
    return [*brightness.notes(), *notes_of_copies(copies.groups(), names, labels)]
