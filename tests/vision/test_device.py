import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from rayal.vision import device
from rayal.vision.device import bytes_to_network_range, to_device


def images(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (5, 6, 7, channels), dtype=np.uint8)


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "device", lambda: torch.device("cpu"))


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_cpu_the_tensor_is_the_array_and_nothing_is_copied(channels: int) -> None:
    given = images(channels)
    found = to_device(given)
    assert found.shape == (5, channels, 6, 7)
    assert found.data_ptr() == given.__array_interface__["data"][0]
    assert np.array_equal(found.permute(0, 2, 3, 1), given)


def test_a_memory_mapped_file_is_read_where_it_lies_without_a_warning(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images())
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = to_device(mapped)
    assert found.data_ptr() == mapped.__array_interface__["data"][0]
    bytes_to_network_range(found)  # were it done in place, this write would end the process
    assert np.array_equal(found.permute(0, 2, 3, 1), images())


def test_images_in_another_order_of_memory_are_right_too() -> None:
    for given in (images()[::-1], images().transpose(0, 2, 1, 3), images()[:, ::2]):
        assert np.array_equal(to_device(given).permute(0, 2, 3, 1), given)
