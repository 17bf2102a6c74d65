"""Street View House Numbers (Netzer et al. 2011)."""

from __future__ import annotations

from rayal.contracts import Dataset, dataset
from rayal.datasets._files.torchvision_arrays import PublishedArrays, load_published_arrays

_FILES = " ".join(
    f"http://ufldl.stanford.edu/housenumbers/{name}_32x32.mat -O" for name in ("train", "test")
)
PUBLISHED = PublishedArrays(
    torchvision_class="SVHN",
    marker="train_32x32.mat",
    by_hand=f"mkdir -p {{folder}} && cd {{folder}} && curl -L {_FILES}",
    class_counts=[4_948, 13_861, 10_585, 8_497, 7_458, 6_882, 5_727, 5_595, 5_045, 4_659],
    test_images=26_032,
    split_argument=("split", "train", "test"),
)


@dataset(published=lambda **_: PUBLISHED.size, class_counts=lambda **_: PUBLISHED.class_counts)
def svhn(*, root: str = "", download: bool = False) -> Dataset:
    """Load svhn: 73,257 house numbers' digits of 32 x 32 to choose from; 26,032 to test.

    The pool is the published training set, without the 531,131 extra images.

    Args:
        root: torchvision's root, the folder that holds train_32x32.mat; "" is
            RAYAL_DATA, or the usual ones.
        download: fetch it where it is absent.

    Raises:
        FileNotFoundError: it is absent, and was not asked for or cannot be fetched.
        ValueError: its files are damaged or not all there.
    """
    return load_published_arrays("svhn", PUBLISHED, root, download=download)
