"""Your own images in MedMNIST's file format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.medmnist_format import read_medmnist_file


@dataset(added={"multilabel"})
def npz(
    *, path: str, classes: Sequence[str] | None = None, multilabel: bool | None = None
) -> Dataset:
    """Load {train,val,test}_{images,labels} from a .npz; the dataset is named after the file.

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
    return read_medmnist_file(file, file.stem, classes, multilabel=multilabel)
