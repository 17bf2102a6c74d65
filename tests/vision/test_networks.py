import sys

import numpy as np
import pytest
import torch

from rayal.vision import networks

pytestmark = pytest.mark.slow

SHAPES = [("small_cnn", "imagenet", 128), ("resnet18", "imagenet", 512), ("resnet18", "cifar", 512)]


LARGER = [("resnet34", "cifar", 512), ("resnet50", "imagenet", 2048), ("resnet101", "cifar", 2048)]


@pytest.mark.parametrize(("name", "stem", "D"), [*SHAPES, *LARGER])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_backbone_gives_its_width_of_features(name, stem, D, channels) -> None:
    network = networks.backbone(name, stem, channels, seed=0).eval()
    assert networks.num_features(network) == D
    size = 8 if stem == "cifar" else 28
    assert network(torch.zeros(2, channels, size, size)).shape == (2, D)


@pytest.mark.parametrize("size", [8, 28, 32])
def test_small_cnn_takes_the_sizes_it_is_made_for(size) -> None:
    network = networks.backbone("small_cnn", "imagenet", 1, seed=0).eval()
    assert network(torch.zeros(2, 1, size, size)).shape == (2, 128)


def test_cifar_stem_keeps_the_resolution() -> None:
    images = torch.zeros(1, 3, 28, 28)
    for stem, size in (("imagenet", 7), ("cifar", 28)):
        net = networks.backbone("resnet18", stem, 3, seed=0)
        first = net.maxpool(net.relu(net.bn1(net.conv1(images))))
        assert first.shape[-1] == size


def test_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(5)
    first = networks.to_arrays(networks.backbone("small_cnn", "imagenet", 3, seed=1))
    torch.manual_seed(6)
    before = torch.random.get_rng_state()
    again = networks.to_arrays(networks.backbone("small_cnn", "imagenet", 3, seed=1))
    other = networks.to_arrays(networks.backbone("small_cnn", "imagenet", 3, seed=2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["0.0.weight"], other["0.0.weight"])


@pytest.mark.parametrize(("name", "stem", "D"), SHAPES)
def test_a_backbone_rebuilt_from_its_weights_gives_the_same_features(name, stem, D) -> None:
    network = networks.backbone(name, stem, 1, seed=3)
    network.train()(torch.rand(4, 1, 28, 28))  # batch-norm statistics move
    rebuilt = networks.rebuild(networks.to_arrays(network))
    images = torch.rand(3, 1, 28, 28)
    found = network.eval()(images)
    assert found.shape == (3, D)
    assert torch.equal(rebuilt.eval()(images), found)


@pytest.mark.parametrize("name", ["resnet34", "resnet50", "resnet101"])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
def test_a_network_is_told_by_its_weights(name, stem) -> None:
    weights = networks.to_arrays(networks.backbone(name, stem, 3, seed=0))
    assert networks._architecture(weights) == (name, stem, 3)


def test_inception_enlarges_small_images_and_is_rebuilt_from_its_weights() -> None:
    pytest.importorskip("timm")
    network = networks.backbone("inception_resnet_v2", "imagenet", 1, seed=0).eval()
    assert networks.num_features(network) == 1536
    images = torch.rand(2, 1, 28, 28)
    larger = torch.nn.functional.interpolate(images, (75, 75), mode="bilinear")
    weights = networks.to_arrays(network)
    assert networks._architecture(weights) == ("inception_resnet_v2", "imagenet", 1)
    with torch.no_grad():
        found = network(images)
        assert found.shape == (2, 1536)
        assert torch.equal(network(larger), found)
        assert torch.equal(networks.rebuild(weights).eval()(images), found)


def test_inception_without_timm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install timm, or take a resnet"):
        networks.backbone("inception_resnet_v2", "imagenet", 1, seed=0)


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(ValueError, match=r"begin with head\.bias belong to no backbone"):
        networks.rebuild({"head.bias": np.zeros(3)})


@pytest.mark.parametrize("name", ["small_cnn", "resnet18"])
@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 28])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gradients_lie_in_memory_as_their_weights_do(name, stem, channels, size, layout) -> None:
    """torch's fused optimizers pair them by place, without a word where they differ."""
    network = networks.channels_last(networks.backbone(name, stem, channels, seed=0))
    images = torch.rand(4, channels, size, size).contiguous(memory_format=layout)
    network(images).sum().backward()
    for weight in network.parameters():
        assert weight.grad is not None
        assert order_in_memory(weight.grad) == order_in_memory(weight)


def order_in_memory(tensor: torch.Tensor) -> list[int]:
    return [stride for stride, n in zip(tensor.stride(), tensor.shape, strict=True) if n > 1]
