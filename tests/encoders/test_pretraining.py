import copy
import dataclasses
import sys

import numpy as np
import pytest
import torch
from torch import nn

from rayal.contracts import Split
from rayal.encoders._moco.model import MomentumContrast, Projector, info_nce
from rayal.encoders._moco.monitoring import KnnProbe
from rayal.encoders._moco.training import Pretraining, RandomViews, ViewParams
from rayal.encoders._training.dataset_map import DatasetMapRecorder, confidence
from rayal.encoders._training.progress_reporter import ProgressReporter
from rayal.encoders._training.schedule import PretrainingSchedule
from rayal.vision.augmentation_params import augmentation_ranges
from tests.encoders.test_moco import QUICK, digits, encode

pytestmark = pytest.mark.slow

TAUS = (0.2, 0.05)


def plain_network() -> nn.Module:
    """Without batch norm, so that parts of a batch know nothing of one another."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        return nn.Sequential(*layers)


def pretraining(micro_batch: int | None) -> Pretraining:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8, generator=generator)
    contrast = MomentumContrast(
        Projector(plain_network(), 4, seed=2),
        torch.randn(30, 4, generator=generator),
        temperature=0.2,
        momentum=0.9,
        device=torch.device("cpu"),
    )
    recipe = augmentation_ranges("grey", (0.5, 1.0), False)
    optimiser = torch.optim.SGD(contrast.query.parameters(), 0.1, 0.9)
    return Pretraining(
        contrast,
        RandomViews(images, recipe, generator),
        PretrainingSchedule(20, 1, 10, 1, 0, 0.1),
        DatasetMapRecorder(20, TAUS, torch.device("cpu")),
        optimiser,
        micro_batch,
    )


@pytest.mark.parametrize("micro_batch", [2, 3, 4, 9, 10, 64])
def test_parts_of_a_batch_add_up_to_the_whole(micro_batch: int) -> None:
    """A twin computes loss, gradients, queue and map of the same views at once."""
    ours = pretraining(micro_batch)
    twin = copy.deepcopy(ours.model)
    seen: list[torch.Tensor] = []
    drawn = ours.views.of

    def watch(batch: torch.Tensor, params: ViewParams) -> torch.Tensor:
        seen.append(drawn(batch, params))
        return seen[-1]

    ours.views.of = watch  # type: ignore[method-assign]
    batch = torch.arange(3, 13)
    loss = ours.step(batch)

    pairs = [part.chunk(2) for part in seen]
    assert max(len(one) for one, _ in pairs) <= micro_batch + 1
    assert min(len(one) for one, _ in pairs) >= 2
    view1, view2 = (torch.cat(views) for views in zip(*pairs, strict=True))
    queries, keys = twin.query(view1), twin.key(view2).detach()
    expected = info_nce(queries, keys, twin.queue, 0.2)
    optimiser = torch.optim.SGD(twin.query.parameters(), 0.1, 0.9)
    torch.autograd.backward(expected)
    optimiser.step()
    assert float(loss) == pytest.approx(expected.item(), rel=1e-5)
    for mine, other in zip(ours.model.query.parameters(), twin.query.parameters(), strict=True):
        torch.testing.assert_close(mine, other)
    torch.testing.assert_close(ours.model.queue[:10], keys)
    found = confidence(queries.detach(), keys, batch, TAUS)
    torch.testing.assert_close(ours.recorder._moments._sum[batch], found.double())
    assert ours.recorder._moments.count.tolist() == [int(3 <= i < 13) for i in range(20)]


def test_a_micro_batch_as_large_as_the_batch_changes_nothing() -> None:
    whole, parts = encode(digits(90, 9), **{**QUICK, "queue": 64}), None
    parts = encode(digits(90, 9), **{**QUICK, "queue": 64, "micro_batch": 64})
    assert np.array_equal(whole.train, parts.train)
    assert np.array_equal(whole.map.confidence[0.05], parts.map.confidence[0.05])


def test_small_parts_train_a_network_with_batch_norm() -> None:
    found = encode(digits(91, 9), **{**QUICK, "queue": 64, "micro_batch": 7})
    assert np.isfinite(found.train).all()
    assert (found.map.count == 2).all()


def test_compiling_is_asked_of_both_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr(Projector, "compile", lambda self: compiled.append(self))
    monkeypatch.setenv("CXX", sys.executable)  # some program that is there
    encode(digits(70, 9), **{**QUICK, "queue": 64})
    assert compiled == []
    encode(digits(70, 9), **{**QUICK, "queue": 64, "compile": True})
    assert len(compiled) == 2


def test_compiling_without_a_compiler_is_refused_before_training(monkeypatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(RuntimeError, match="no-such-compiler is not there"):
        encode(digits(70, 9), **{**QUICK, "queue": 64, "compile": True})


def told_of(data, **params) -> list[dict[str, float]]:
    told: list[dict[str, float]] = []
    encode(data, progress=told.append, **{**QUICK, "queue": 64, **params})
    return told


def test_accuracy_on_a_validation_split_is_told_of_early_and_changes_nothing() -> None:
    data = digits(120, 60)
    watched = dataclasses.replace(data, val=data.test)
    told = told_of(watched)
    found = [said for said in told if "knn_accuracy" in said]
    assert found[0]["epoch"] == 1
    assert found[-1]["epoch"] == 2
    assert all(0 <= said["knn_accuracy"] <= 1 for said in found)
    with_it, without = (encode(d, **{**QUICK, "queue": 64}) for d in (watched, data))
    assert np.array_equal(with_it.train, without.train)
    assert np.array_equal(with_it.map.confidence[0.2], without.map.confidence[0.2])


def test_without_a_validation_split_no_accuracy_is_told_of() -> None:
    assert not any("knn_accuracy" in said for said in told_of(digits(120, 60)))


def test_of_many_epochs_a_few_are_looked_at() -> None:
    data = digits(8, 30)
    told: list[dict[str, float]] = []
    pace = ProgressReporter(PretrainingSchedule(8, 1, 8, 95, 0, 0.1), told.append)
    probe = KnnProbe(plain_network(), Split(data.test.images, data.test.labels), pace)
    probe._budget._share = float("inf")
    for epoch in range(1, 96):
        probe.evaluate(epoch, 95)
    assert len(told) == 10


def test_features_are_not_judged_by_neighbors_where_an_image_may_have_several_classes() -> None:
    class Heard:
        def add_metric(self, name: str, value: float) -> None:
            raise AssertionError(name)

    several = Split(np.zeros((6, 8, 8, 1), np.uint8), np.eye(6, 3, dtype=np.int64))
    KnnProbe(plain_network(), several, Heard()).evaluate(1, 1)  # type: ignore[arg-type]
