from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from rayal.encoders._features import extraction
from rayal.vision import networks
from rayal.vision.device import bytes_to_network_range


def images(n: int) -> np.ndarray:
    return np.random.default_rng(n).integers(0, 256, (n, 8, 8, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return networks.backbone("small_cnn", "imagenet", 1, seed=0)


@pytest.mark.parametrize("batch_size", [1, 4, 9, 100])
def test_batches_do_not_matter(network: nn.Module, batch_size: int) -> None:
    given = images(9)
    planes = torch.tensor(given).permute(0, 3, 1, 2)
    expected = network.eval()(bytes_to_network_range(planes)).detach().numpy()
    found = extraction.extract_features(network, given, batch_size)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_large_features_lie_in_a_file_and_are_the_same(
    network: nn.Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = extraction.extract_features(network, images(20), 7)
    assert not isinstance(expected, np.memmap)
    monkeypatch.setattr(extraction, "_IN_MEMORY", 0)
    found = extraction.extract_features(network, images(20), 7)
    assert isinstance(found, np.memmap)
    assert np.array_equal(found, expected)


def test_images_may_be_a_memory_mapped_file(network: nn.Module, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images(20))
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    found = extraction.extract_features(network, mapped, 7)
    assert np.array_equal(found, extraction.extract_features(network, images(20), 7))


def test_looking_at_features_leaves_the_weights_where_they_are(network: nn.Module) -> None:
    """A training holds on to their memory between two epochs."""
    networks.channels_last(network)
    before = [weight.data_ptr() for weight in network.parameters()]
    extraction.extract_features(network, images(3))
    assert [weight.data_ptr() for weight in network.parameters()] == before


def test_no_images_are_refused(network: nn.Module) -> None:
    with pytest.raises(ValueError, match="there are no images"):
        extraction.extract_features(network, images(0))


def test_images_are_counted(network: nn.Module) -> None:
    done: list[int] = []
    extraction.extract_features(network, images(20), 7, on_batch=done.append)
    assert done == [7, 7, 6]
