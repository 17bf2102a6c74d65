from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.datasets import medmnist
from rayal.registry import DATASETS

PUBLISHED = {
    "pathmnist": (89_996, 9), "bloodmnist": (11_959, 8), "organamnist": (34_561, 11),
    "organcmnist": (12_975, 11), "organsmnist": (13_932, 11), "dermamnist": (7_007, 7),
    "octmnist": (97_477, 4), "pneumoniamnist": (4_708, 2), "breastmnist": (546, 2),
    "retinamnist": (1_080, 5), "tissuemnist": (165_466, 8), "chestmnist": (78_468, 14),
}  # fmt: skip


def load(name: str, **given: Any) -> Dataset:
    component = DATASETS.find(name)
    data = component.function(**component.bind(given))
    assert isinstance(data, Dataset)
    return data


def save(path: Path, classes: int, size: int) -> None:
    labels = np.arange(2 * classes, dtype=np.uint8)[:, None] % classes
    images = np.zeros((2 * classes, size, size), dtype=np.uint8)
    arrays: dict[str, Any] = {f"{s}_{k}": a for s in ("train", "val", "test")
              for k, a in (("images", images), ("labels", labels))}  # fmt: skip
    np.savez(path, **arrays)


@pytest.fixture
def fetching(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Exchange what the package's BreastMNIST does when it is asked to download."""
    real = medmnist._package()

    def exchange(fetch: Callable[..., None]) -> None:
        package = SimpleNamespace(INFO=real.INFO, info=real.info, BreastMNIST=fetch)
        monkeypatch.setattr(medmnist, "_package", lambda: package)

    return exchange


def test_published_sizes_need_no_file() -> None:
    assert set(medmnist.SETS) == set(PUBLISHED)
    for name, expected in PUBLISHED.items():
        published = DATASETS.find(name).traits.published
        assert published is not None
        assert published(root="/nowhere", size=224, download=False) == expected


def test_a_file_gets_the_names_of_its_classes(tmp_path: Path) -> None:
    save(tmp_path / "bloodmnist.npz", 8, 28)
    data = load("bloodmnist", root=str(tmp_path))
    assert data.name == "bloodmnist"
    assert data.num_classes == 8
    assert data.classes[:2] == ("basophil", "eosinophil")
    assert data.train.images.shape == (16, 28, 28, 1)


def test_a_size_has_a_file_of_its_own(tmp_path: Path) -> None:
    save(tmp_path / "breastmnist_64.npz", 2, 64)
    assert load("breastmnist", root=str(tmp_path), size=64).train.images.shape[1:3] == (64, 64)
    with pytest.raises(FileNotFoundError, match=r"no file .*/breastmnist\.npz"):
        load("breastmnist", root=str(tmp_path))


def test_an_absent_file_is_named_with_the_ways_to_get_it(tmp_path: Path) -> None:
    path = tmp_path / "bloodmnist_128.npz"
    with pytest.raises(FileNotFoundError) as caught:
        load("bloodmnist", root=str(tmp_path), size=128)
    message = str(caught.value)
    assert f"there is no file {path}; set download: true, or run: curl" in message
    assert message.endswith(f"-o {path} {medmnist._package().INFO['bloodmnist']['url_128']}")


def test_a_file_is_fetched_by_the_package_when_asked_for(
    tmp_path: Path, fetching: Callable[[Callable[..., None]], None]
) -> None:
    def fetch(split: str, *, download: bool, root: str, size: int) -> None:
        assert download
        save(Path(root) / "breastmnist.npz", 2, size)

    fetching(fetch)
    root = tmp_path / "new" / "folder"
    assert load("breastmnist", root=str(root), download=True).num_classes == 2


def test_a_file_that_is_there_is_not_fetched_again(
    tmp_path: Path, fetching: Callable[[Callable[..., None]], None]
) -> None:
    def fetch(*_: Any, **__: Any) -> None:
        raise AssertionError("fetched")

    fetching(fetch)
    save(tmp_path / "breastmnist.npz", 2, 28)
    assert load("breastmnist", root=str(tmp_path), download=True).num_classes == 2


def test_a_failed_download_says_what_to_do(
    tmp_path: Path, fetching: Callable[[Callable[..., None]], None]
) -> None:
    def fetch(*_: Any, **__: Any) -> None:
        raise RuntimeError("no network")

    fetching(fetch)
    with pytest.raises(FileNotFoundError, match=r"cannot be fetched from here; .* run: curl"):
        load("breastmnist", root=str(tmp_path), download=True)


def test_the_packages_own_folder_is_the_default() -> None:
    assert medmnist._folder("").name == ".medmnist"


def test_labels_outside_the_sets_classes_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "breastmnist.npz", 3, 28)
    with pytest.raises(ValueError, match="outside 0 to 1, the first is 2 at index 2"):
        load("breastmnist", root=str(tmp_path))


def test_chestmnist_has_fourteen_classes_of_which_an_image_may_have_any(tmp_path: Path) -> None:
    component = DATASETS.find("chestmnist")
    assert component.traits.multilabel
    assert component.traits.published is not None
    assert component.traits.published() == (78468, 14)
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 9), ("val", 3), ("test", 4)):
        arrays[f"{split}_images"] = rng.integers(256, size=(count, 28, 28), dtype=np.uint8)
        arrays[f"{split}_labels"] = rng.integers(2, size=(count, 14), dtype=np.uint8)
    arrays["train_labels"][0] = 0  # an image of none of the fourteen is one as any other
    np.savez(tmp_path / "chestmnist.npz", **arrays)
    data = load("chestmnist", root=str(tmp_path))
    assert data.multilabel
    assert data.classes[:2] == ("atelectasis", "cardiomegaly")
    np.testing.assert_array_equal(data.train.labels, arrays["train_labels"])
    assert data.train.labels.dtype == np.int64


def test_a_size_that_was_never_published_is_refused() -> None:
    with pytest.raises(ValueError, match="size=32 is refused"):
        DATASETS.find("bloodmnist").bind({"size": 32})
