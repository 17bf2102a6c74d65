"""CIFAR-10 (Krizhevsky 2009)."""

from __future__ import annotations

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.torchvision_arrays import PublishedArrays, load_published_arrays

PUBLISHED = PublishedArrays(
    torchvision_class="CIFAR10",
    marker="cifar-10-batches-py/data_batch_1",
    by_hand="mkdir -p {folder} && curl -L https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz "
    "| tar xz -C {folder}",
    class_counts=[5_000] * 10,
    test_images=10_000,
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: PUBLISHED.class_counts)
def cifar10(*, root: str = "", download: bool = False) -> Dataset:
    """Load cifar10: 50,000 photographs of 32 x 32 to choose from, 10 classes; 10,000 to test.

    The pool is the published training set.

    Args:
        root: torchvision's root, the folder that holds cifar-10-batches-py/data_batch_1; "" is
            RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    return load_published_arrays("cifar10", PUBLISHED, root, download=download)
