"""MNIST (LeCun et al. 1998)."""

from __future__ import annotations

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.torchvision_arrays import PublishedArrays, load_published_arrays

_FILES = " ".join(
    f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}-ubyte.gz -O"
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)
PUBLISHED = PublishedArrays(
    torchvision_class="MNIST",
    marker="MNIST/raw/train-images-idx3-ubyte",
    by_hand="mkdir -p {folder}/MNIST/raw && cd {folder}/MNIST/raw && "
    f"curl -L {_FILES} && gunzip *.gz",
    class_counts=[5_923, 6_742, 5_958, 6_131, 5_842, 5_421, 5_918, 6_265, 5_851, 5_949],
    test_images=10_000,
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: PUBLISHED.class_counts)
def mnist(*, root: str = "", download: bool = False) -> Dataset:
    """Load mnist: 60,000 handwritten digits of 28 x 28 gray pixels to choose from; 10,000 to test.

    The pool is the published training set.

    Args:
        root: torchvision's root, the folder that holds MNIST/raw/train-images-idx3-ubyte; "" is
            RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    return load_published_arrays("mnist", PUBLISHED, root, download=download)
