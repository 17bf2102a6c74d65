import importlib
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from rayal.contracts import Dataset
from rayal.datasets import mnist as mnist_module
from rayal.datasets._files import torchvision_arrays
from rayal.registry import DATASETS
from rayal.vision.torchvision_cpu import torchvision

PUBLISHED = {
    "cifar10": (50_000, 10), "cifar100": (50_000, 100), "mnist": (60_000, 10),
    "svhn": (73_257, 10),
}  # fmt: skip


def load(name: str, root: Path | str, **given: Any) -> Dataset:
    component = DATASETS.find(name)
    data = component.function(**component.bind({"root": str(root), **given}))
    assert isinstance(data, Dataset)
    return data


def shrink(monkeypatch: pytest.MonkeyPatch, name: str, counts: Sequence[int], test: int) -> None:
    module = importlib.import_module(f"rayal.datasets.{name}")
    smaller = replace(module.PUBLISHED, class_counts=counts, test_images=test)
    monkeypatch.setattr(module, "PUBLISHED", smaller)


def pixels(n: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(n).integers(256, size=(n, *shape), dtype=np.uint8)


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CIFAR-10's files with two images in each batch, their checksums not looked at."""
    kind = torchvision().datasets.CIFAR10
    folder = tmp_path / kind.base_folder
    folder.mkdir()
    files = [name for name, _ in [*kind.train_list, *kind.test_list]]
    for i, name in enumerate(files):
        batch = {"data": pixels(2 + i, 3072)[:2], "labels": [i, i + 1]}
        (folder / name).write_bytes(pickle.dumps(batch))
    names = {"label_names": [f"class {c}" for c in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names))
    monkeypatch.setattr(kind, "train_list", [[name, None] for name in files[:5]])
    monkeypatch.setattr(kind, "test_list", [[files[5], None]])
    monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": None})
    shrink(monkeypatch, "cifar10", [1] * 10, 2)
    return tmp_path


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, n in (("train", 6), ("t10k", 4)):
        write_idx(tmp_path / f"MNIST/raw/{name}-images-idx3-ubyte", pixels(n, 28, 28))
        write_idx(tmp_path / f"MNIST/raw/{name}-labels-idx1-ubyte", np.arange(n) % 10)
    shrink(monkeypatch, "mnist", [1] * 6 + [0] * 4, 4)
    return tmp_path


def test_published_sizes_need_no_file() -> None:
    for name, expected in PUBLISHED.items():
        published = DATASETS.find(name).traits.published
        assert published is not None
        assert published(**DATASETS.find(name).bind({"root": "/nowhere"})) == expected


def test_cifar_is_read(cifar: Path) -> None:
    data = load("cifar10", cifar)
    assert data.name == "cifar10"
    assert data.classes[3] == "class 3"
    assert data.train.images.shape == (10, 32, 32, 3)
    assert data.train.labels.tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]
    assert data.test.labels.tolist() == [5, 6]
    planes = pixels(2, 3072)[0].reshape(3, 32, 32)
    assert np.array_equal(data.train.images[0], planes.transpose(1, 2, 0))


def test_mnist_is_read(mnist: Path) -> None:
    data = load("mnist", mnist)
    assert data.classes == tuple("0123456789")
    assert np.array_equal(data.train.images[..., 0], pixels(6, 28, 28))
    assert data.test.labels.tolist() == [0, 1, 2, 3]
    assert data.test.labels.dtype == np.int64


def test_svhn_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = torchvision().datasets.SVHN
    lists = {}
    for split, n in (("train", 5), ("test", 3)):
        images = pixels(n, 32, 32, 3)
        file = f"{split}_32x32.mat"
        labels = np.array([[10], [1], [9], [10], [2]])[:n]  # 10 stands for the digit 0
        savemat(tmp_path / file, {"X": images.transpose(1, 2, 3, 0), "y": labels})
        lists[split] = ["", file, None]
    monkeypatch.setattr(kind, "split_list", lists)
    shrink(monkeypatch, "svhn", [5] + [0] * 9, 3)
    data = load("svhn", tmp_path)
    assert data.train.labels.tolist() == [0, 1, 9, 0, 2]
    assert np.array_equal(data.train.images, pixels(5, 32, 32, 3))
    assert data.classes == tuple("0123456789")


def test_the_folder_may_be_named_by_the_environment(
    mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYAL_DATA", str(mnist))
    assert len(load("mnist", "").train.labels) == 6


def test_the_usual_folders_are_looked_in(mnist: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (mnist / "here").mkdir()
    monkeypatch.chdir(mnist / "here")
    monkeypatch.setenv("HOME", str(mnist / "home"))
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist", "")
    for folder in (".cache/rayal/data", ".torch"):
        assert str(mnist / "home" / folder) in str(caught.value)
    (mnist / "here" / "data").symlink_to(mnist)
    assert len(load("mnist", "").train.labels) == 6


@pytest.mark.parametrize(
    ("name", "file", "command"),
    [
        ("cifar10", "cifar-10-batches-py/data_batch_1", "cifar-10-python.tar.gz | tar xz -C"),
        ("cifar100", "cifar-100-python/train", "cifar-100-python.tar.gz | tar xz -C"),
        ("mnist", "MNIST/raw/train-images-idx3-ubyte", "train-images-idx3-ubyte.gz -O"),
        ("svhn", "train_32x32.mat", "housenumbers/train_32x32.mat -O"),
    ],
)
def test_absent_files_are_named_with_the_ways_to_get_them(
    tmp_path: Path, name: str, file: str, command: str
) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        load(name, tmp_path)
    message = str(caught.value)
    assert message.startswith(f"there is no {tmp_path / file}; set download: true, or run: ")
    assert command in message
    assert "{" not in message
    assert "RAYAL_DATA" in message


@pytest.mark.parametrize(
    "file", ["cifar-10-batches-py/test_batch", "cifar-10-batches-py/data_batch_1"]
)
def test_damaged_files_are_refused(cifar: Path, file: str) -> None:
    (cifar / file).write_bytes(b"half")
    with pytest.raises(ValueError, match=rf"cifar10 in {cifar} is damaged .*; remove it, then: "):
        load("cifar10", cifar)


@pytest.mark.parametrize("file", ["train-images-idx3", "t10k-labels-idx1"])
def test_a_truncated_or_missing_file_is_refused(mnist: Path, file: str) -> None:
    path = mnist / "MNIST/raw" / f"{file}-ubyte"
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(ValueError, match=r"mnist in .* is damaged or not all there"):
        load("mnist", mnist)
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"mnist in .* is damaged or not all there"):
        load("mnist", mnist)
    if file.startswith("t10k"):
        path.unlink()
        with pytest.raises(ValueError, match=r"mnist in .* is damaged or not all there"):
            load("mnist", mnist)


def test_a_checksum_that_does_not_fit_is_refused_before_anything_is_unpickled(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for i in range(1, 6):
        (folder / f"data_batch_{i}").write_bytes(b"cos\nsystem\n(S'false'\ntR.")
    with pytest.raises(ValueError, match="is damaged or not all there"):
        load("cifar10", tmp_path)


def test_fewer_images_than_published_are_refused(
    mnist: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shrink(monkeypatch, "mnist", [1] * 7 + [0] * 3, 4)
    with pytest.raises(ValueError, match=r"'train': 6, 'test': 4} images, and {'train': 7"):
        load("mnist", mnist)


def test_a_set_is_fetched_when_asked_for_and_only_once(
    mnist: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[Path] = []
    real = torchvision_arrays.open_sets

    def opening(facts: Any, folder: Path, *, download: bool) -> Any:
        if download:
            fetched.append(folder)
            (mnist / "MNIST").rename(folder / "MNIST")
            return None
        return real(facts, folder, download=False)

    monkeypatch.setattr(torchvision_arrays, "open_sets", opening)
    target = tmp_path / "new" / "folder"
    for _ in range(2):
        assert len(load("mnist", target, download=True).train.labels) == 6
    assert fetched == [target]


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no network")

    monkeypatch.setattr(torchvision_arrays, "open_sets", fail)
    with pytest.raises(FileNotFoundError, match=r"fetched from here \(no network\); .* curl"):
        load("svhn", tmp_path, download=True)


def test_real_mnist_has_its_published_counts(real_data: Path) -> None:
    data = load("mnist", real_data)
    counts = np.bincount(data.train.labels).tolist()
    assert counts == mnist_module.PUBLISHED.class_counts
    assert data.train.images.shape == (60_000, 28, 28, 1)
    assert data.test.images.shape == (10_000, 28, 28, 1)


def test_real_mnist_with_cbals_step_and_share_set_aside(real_data: Path) -> None:
    imbalance = {"step": 0.1, "set_aside": 0.1}
    data = load("mnist", real_data, imbalance=imbalance)
    assert data.name == "mnist-step0.1-aside0.1"
    assert data.initial_pool is not None
    assert np.bincount(data.train.labels[data.initial_pool]).tolist() == [600] * 10
    published = DATASETS.find("mnist").traits.published
    assert published is not None
    assert published(imbalance=imbalance) == (len(data.train.labels), 10)
