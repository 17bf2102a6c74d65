import pytest
import torch
from torch import nn

from rayal.vision import networks
from rayal.vision.convolution import Conv3x3, use_fast_small_convolutions
from rayal.vision.torchvision_cpu import torchvision

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 2), (2, 1), (3, 2), (5, 5)])
def test_output_and_gradients_are_those_of_a_convolution(size, stride) -> None:
    generator = torch.Generator().manual_seed(0)
    quick = Conv3x3(4, 6, stride)
    images = torch.randn(3, 4, *size, generator=generator, requires_grad=True)
    expected = nn.functional.conv2d(images, quick.weight, stride=stride, padding=1)
    found = quick(images)
    torch.testing.assert_close(found, expected)
    along = torch.randn(expected.shape, generator=generator)
    for inputs in (images, quick.weight):
        theirs = torch.autograd.grad(expected, inputs, along, retain_graph=True)
        ours = torch.autograd.grad(found, inputs, along, retain_graph=True)
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_quickened_resnet_is_torchvisions(name) -> None:
    theirs = getattr(torchvision().models, name)(weights=None)
    theirs.fc = nn.Identity()
    ours = networks.backbone(name, "imagenet", 3, seed=0)
    assert any(isinstance(layer, Conv3x3) for layer in ours.modules())
    ours.load_state_dict(theirs.state_dict())
    images = torch.rand(4, 3, 28, 28, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(images), theirs.eval()(images), rtol=1e-4, atol=1e-4)


def test_other_convolutions_stay_as_they_are() -> None:
    others = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1),  # with a bias
        nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False),
        nn.Conv2d(4, 4, 3, bias=False),
        nn.Conv2d(4, 4, 5, padding=1, bias=False),
    )
    use_fast_small_convolutions(others)
    assert [type(layer) for layer in others] == [nn.Conv2d] * 4
