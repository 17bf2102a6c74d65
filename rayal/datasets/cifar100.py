"""CIFAR-100 (Krizhevsky 2009)."""

from __future__ import annotations

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.torchvision_arrays import PublishedArrays, load_published_arrays

PUBLISHED = PublishedArrays(
    torchvision_class="CIFAR100",
    marker="cifar-100-python/train",
    by_hand="mkdir -p {folder} && curl -L https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz "
    "| tar xz -C {folder}",
    class_counts=[500] * 100,
    test_images=10_000,
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: PUBLISHED.class_counts)
def cifar100(*, root: str = "", download: bool = False) -> Dataset:
    """Load cifar100: 50,000 photographs of 32 x 32 to choose from, 100 classes; 10,000 to test.

    The pool is the published training set.

    Args:
        root: torchvision's root, the folder that holds cifar-100-python/train; "" is
            RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    return load_published_arrays("cifar100", PUBLISHED, root, download=download)
