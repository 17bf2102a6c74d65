import numpy as np
import pytest
import torch

from rayal.registry import ENCODERS, LEARNERS
from rayal.vision import precision
from rayal.vision.training import fit, mean_loss
from tests.vision.test_training import bands, quick, same, small, state

pytestmark = pytest.mark.slow

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("asked", "computed"),
    [("bf16", torch.bfloat16), ("float32", torch.float32), (None, torch.float32)],
)
def test_a_cpu_computes_in_half_precision_where_that_is_asked_for(asked, computed) -> None:
    layer = torch.nn.Linear(4, 3)
    with precision.autocast(CPU, asked):
        found = layer(torch.ones(2, 4))
    assert found.dtype == computed
    found.float().sum().backward()
    assert layer.weight.dtype == layer.weight.grad.dtype == torch.float32


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(
    ("asked", "computed"),
    [("bf16", torch.bfloat16), ("float32", torch.float32), (None, torch.bfloat16)],
)
def test_a_gpu_computes_in_half_precision_unless_asked_not_to(asked, computed) -> None:
    layer = torch.nn.Linear(4, 3).cuda()
    with precision.autocast(torch.device("cuda"), asked):
        assert layer(torch.ones(2, 4).cuda()).dtype == computed


def test_a_gpu_without_bf16_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    for has in (True, False):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda has=has, **_: has)
        assert precision._has_bf16(torch.device("cuda")) == has
    assert not precision._has_bf16(CPU)


def test_features_are_extracted_without_tf32() -> None:
    before = torch.backends.cudnn.allow_tf32
    with precision.without_tf32(torch.device("cuda")):
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
    with precision.without_tf32(CPU):
        assert torch.backends.cudnn.allow_tf32 == before


def test_a_context_may_be_entered_again_after_weights_moved() -> None:
    half, layer = precision.autocast(CPU, "bf16"), torch.nn.Linear(4, 3, bias=False)
    with half:
        before = layer(torch.ones(1, 4))
        with torch.no_grad():
            layer.weight.mul_(2)
        assert torch.equal(layer(torch.ones(1, 4)), 2 * before)
    with half:
        assert torch.equal(layer(torch.ones(1, 4)), 2 * before)


def test_a_classifier_learns_in_half_precision_as_in_whole() -> None:
    losses = []
    for asked in ("float32", "bf16"):
        classifier = small()
        fit(classifier, bands(48), quick(epochs=6, precision=asked), 0)
        assert all(value.dtype != torch.bfloat16 for value in state(classifier).values())
        losses.append(mean_loss(classifier, bands(30, seed=1)))
    assert losses[0] < 0.5
    assert losses[1] == pytest.approx(losses[0], abs=0.05)


def test_precision_left_out_changes_no_bit_on_a_cpu() -> None:
    trained = []
    for asked in ("float32", None, "bf16"):
        classifier = small()
        fit(classifier, bands(30), quick(precision=asked), 0)
        trained.append(state(classifier))
    if not torch.cuda.is_available():
        assert same(trained[0], trained[1])
    assert not same(trained[0], trained[2])


def test_dropout_and_prototypes_take_half_precision() -> None:
    classifier = small(dropout=0.3, prototypes=np.eye(3, 2, dtype=np.float32))
    fit(classifier, bands(30), quick(precision="bf16"), 0)
    assert all(torch.isfinite(value).all() for value in state(classifier).values())


@pytest.mark.parametrize(
    ("registry", "name"),
    [
        (ENCODERS, "moco"),
        (ENCODERS, "checkpoint"),
        (ENCODERS, "timm_model"),
        (LEARNERS, "scratch"),
        (LEARNERS, "finetune"),
    ],
)
def test_other_precisions_are_refused_when_planned(registry, name) -> None:
    given = {"checkpoint": {"weights": "x.pt"}, "timm_model": {"model": "vit"}}.get(name, {})
    with pytest.raises(ValueError, match=r"precision='?fp16'? is refused: .*float32.*bf16"):
        registry.find(name).bind({**given, "precision": "fp16"})
    bound = registry.find(name).bind({**given, "precision": "bf16"})
    assert bound["precision"] == "bf16"
