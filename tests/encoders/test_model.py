import numpy as np
import pytest
import torch

from rayal.encoders._moco.model import MomentumContrast, Projector, info_nce
from rayal.vision import networks


def contrast(queue: int = 16, momentum: float = 0.9) -> MomentumContrast:
    generator = torch.Generator().manual_seed(0)
    backbone = networks.backbone("small_cnn", "imagenet", 1, seed=0)
    start = torch.randn(queue, 8, generator=generator)
    cpu = torch.device("cpu")
    projector = Projector(backbone, 8, seed=1)
    return MomentumContrast(projector, start, temperature=0.2, momentum=momentum, device=cpu)


def views(n: int, seed: int) -> torch.Tensor:
    return torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))


def test_info_nce_is_the_cross_entropy_of_the_own_key() -> None:
    generator = torch.Generator().manual_seed(0)
    q, k, queue = (
        torch.nn.functional.normalize(torch.randn(n, 8, generator=generator), dim=1)
        for n in (5, 5, 30)
    )
    q.requires_grad_()
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / 0.1
    expected = torch.nn.functional.cross_entropy(logits, torch.zeros(5, dtype=torch.long))
    found = info_nce(q, k, queue, 0.1)
    torch.testing.assert_close(found, expected)
    (gradient,) = torch.autograd.grad(found, q)
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, q)[0])


@pytest.mark.parametrize("queue", [16, 10, 5, 3, 1])
def test_the_queue_holds_the_latest_keys_whatever_its_size(queue) -> None:
    one = contrast(queue)
    keys = torch.arange(1.0, 49.0).repeat(8, 1).T
    for batch in (keys[:5], keys[5:9], keys[9:16], keys[16:32], keys[32:48]):
        one.enqueue(batch)
    assert sorted(one.queue[:, 0].tolist()) == list(range(49 - queue, 49))


def test_the_key_network_moves_by_one_minus_the_momentum() -> None:
    one = contrast(momentum=0.9)
    before = networks.to_arrays(one.key)
    with torch.no_grad():
        for p in one.query.parameters():
            p.add_(1.0)
    one.query(views(6, 0))  # moves the batch-norm statistics
    one.momentum_update()
    query, after = networks.to_arrays(one.query), networks.to_arrays(one.key)
    for name, value in before.items():
        if value.dtype.kind == "f":
            expected = 0.9 * value + 0.1 * query[name]
            np.testing.assert_allclose(after[name], expected, rtol=1e-5, atol=1e-6)
            assert not np.array_equal(after[name], value), name


def test_a_key_depends_on_its_own_image_alone() -> None:
    one = contrast()
    one.calibrate([views(32, 5)])
    image = views(1, 0)
    with_some = one.forward(image.repeat(6, 1, 1, 1), torch.cat([image, views(5, 1)]))[2][0]
    with_others = one.forward(image.repeat(6, 1, 1, 1), torch.cat([image, views(5, 2)]))[2][0]
    torch.testing.assert_close(with_some, with_others, rtol=0, atol=1e-6)


def test_calibration_gives_both_networks_the_statistics_of_their_images() -> None:
    one = contrast()
    one.calibrate([views(32, 1), views(32, 2)])
    first = one.query.backbone[0][0](torch.cat([views(32, 1), views(32, 2)]))
    for network in (one.query, one.key):
        found = network.backbone[0][1].running_mean
        torch.testing.assert_close(found, first.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    assert one.query.backbone[0][1].momentum == 0.1


def test_gradients_reach_the_query_network_only() -> None:
    one = contrast()
    loss, queries, keys = one.forward(views(6, 0), views(6, 1))
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in one.query.parameters())
    assert all(p.grad is None for p in one.key.parameters())
    assert not queries.requires_grad
    torch.testing.assert_close(keys.norm(dim=1), torch.ones(6))
