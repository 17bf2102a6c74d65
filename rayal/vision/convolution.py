"""A 3x3 convolution that is fast on the last, tiny feature maps of a network."""

from __future__ import annotations

import torch
from torch import nn

_LARGEST_MAP = 2  # side of a map on which every pixel is a neighbor of every other


class Conv3x3(nn.Conv2d):
    """A 3x3 convolution with padding 1 and no bias: the same numbers, weights and names.

    At 28 pixels the last stages of a ResNet see maps of 2x2 and 1x1, where most of the 3x3 weights
    fall on the padding, and a convolution multiplies by it all the same. There each output pixel
    is a plain product of the whole map with the weights that meet it: 4/9 or 1/9 of the work.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(in_channels, out_channels, 3, stride, padding=1, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return (n, out_channels, H / stride, W / stride), rounded up, of (n, channels, H, W)."""
        n, _, H, W = images.shape
        if images.is_cuda or max(H, W) > _LARGEST_MAP:  # a GPU waits for launches, not products
            return super().forward(images)
        stride = self.stride[0]
        weights = self.weight.permute(0, 2, 3, 1)  # out_channels, row, column, in_channels
        pixels = images.permute(0, 2, 3, 1).reshape(n, -1)
        # Where in the 3x3 weights the map's top left pixel falls, for each output pixel.
        corners = [(1 - y, 1 - x) for y in range(0, H, stride) for x in range(0, W, stride)]
        outputs = [
            nn.functional.linear(pixels, weights[:, y : y + H, x : x + W].flatten(1))
            for y, x in corners
        ]
        shape = (n, -(-H // stride), -(-W // stride), self.out_channels)
        return torch.stack(outputs, 1).view(shape).permute(0, 3, 1, 2)


def use_fast_small_convolutions(network: nn.Module) -> None:
    """Replace the plain 3x3 convolutions of a network; weights stay the same tensors."""
    for name, layer in list(network.named_children()):
        if isinstance(layer, nn.Conv2d) and _is_plain_3x3(layer):
            fast = Conv3x3(layer.in_channels, layer.out_channels, layer.stride[0])
            fast.weight = layer.weight
            setattr(network, name, fast)
        else:
            use_fast_small_convolutions(layer)


def _is_plain_3x3(layer: nn.Conv2d) -> bool:
    shape = (layer.kernel_size, layer.padding, layer.dilation, layer.groups)
    plain = shape == ((3, 3), (1, 1), (1, 1), 1) and layer.stride[0] == layer.stride[1]
    return plain and layer.bias is None
