from collections.abc import Iterator

import pytest
import torch
from torch import nn

from rayal.vision.sgd import SGD

FORMATS = [torch.contiguous_format, torch.channels_last]


def network(layout: torch.memory_format) -> nn.Module:
    """Convolutions of 3x3 and 1x1, batch norm, a linear layer and a weight without a gradient."""
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.Conv2d(3, 8, 1), nn.Flatten(), nn.Linear(32, 2)
    )
    made.register_parameter("idle", nn.Parameter(torch.ones(2, 3)))
    return made.to(memory_format=layout)


def gradients(steps: int, layout: torch.memory_format) -> Iterator[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        yield torch.randn(4, 3, 4, 4, generator=generator).contiguous(memory_format=layout)


def train(
    net: nn.Module, optimiser: torch.optim.Optimizer, batches: Iterator[torch.Tensor]
) -> None:
    for batch in batches:
        optimiser.zero_grad(set_to_none=True)
        net(batch).square().sum().backward()
        optimiser.step()


def assert_same(left: nn.Module, right: nn.Module) -> None:
    for mine, other in zip(left.state_dict().values(), right.state_dict().values(), strict=True):
        assert torch.equal(mine, other)


@pytest.mark.parametrize("layout", FORMATS, ids=str)
def test_steps_are_those_of_torchs_sgd_to_the_bit(layout: torch.memory_format) -> None:
    ours, theirs = network(layout), network(layout)
    torchs = torch.optim.SGD(theirs.parameters(), 0.01, 0.9, weight_decay=1e-2, fused=True)
    train(ours, SGD(ours.parameters(), 0.01, 0.9, weight_decay=1e-2), gradients(5, layout))
    train(theirs, torchs, gradients(5, layout))
    assert_same(ours, theirs)


@pytest.mark.parametrize("layout", FORMATS, ids=str)
def test_a_state_goes_to_torchs_sgd_and_back(layout: torch.memory_format) -> None:
    whole, ours, theirs = network(layout), network(layout), network(layout)
    train(whole, SGD(whole.parameters(), 0.01, 0.9, weight_decay=0), gradients(6, layout))
    batches = gradients(6, layout)
    first = SGD(ours.parameters(), 0.01, 0.9, weight_decay=0)
    train(ours, first, (next(batches) for _ in range(2)))
    theirs.load_state_dict(ours.state_dict())
    torchs = torch.optim.SGD(theirs.parameters(), 0.5, 0.9, fused=True)
    torchs.load_state_dict(first.state_dict())
    train(theirs, torchs, (next(batches) for _ in range(2)))
    ours.load_state_dict(theirs.state_dict())
    again = SGD(ours.parameters(), 0.5, 0.9, weight_decay=0)
    again.load_state_dict(torchs.state_dict())
    train(ours, again, batches)
    assert_same(ours, whole)


def test_weights_stay_where_they_are_and_a_new_rate_is_taken() -> None:
    net = network(torch.channels_last)
    optimiser = SGD(net.parameters(), 0.01, 0.9, weight_decay=0)
    before = [weight.detach().clone() for weight in net.parameters()]
    optimiser.param_groups[0]["lr"] = 0.0
    train(net, optimiser, gradients(1, torch.channels_last))
    assert all(map(torch.equal, before, net.parameters()))
    optimiser.zero_grad()
    assert all(weight.grad is None for weight in net.parameters())


def test_a_closure_is_refused() -> None:
    with pytest.raises(ValueError, match="no closure"):
        SGD(network(torch.channels_last).parameters(), 0.1, 0.9, weight_decay=0).step(lambda: 0.0)
