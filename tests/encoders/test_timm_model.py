import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Dataset, Embedding, Split
from rayal.encoders._timm import models
from rayal.registry import ENCODERS
from rayal.run.encoding import check_embedding
from rayal.seeds import generator
from rayal.vision.torchvision_cpu import torchvision

# Not imported here: timm brings a tracker along, which costs every run of the tests seconds.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("timm") is None, reason="timm is not installed"),
]

N, M = 5, 2
VIT = "vit_tiny_patch16_224"  # transformers cannot be smaller by name


def data(channels: int = 3) -> Dataset:
    rng = np.random.default_rng(channels)
    train, test = (
        Split(rng.integers(0, 256, (n, 28, 28, channels)).astype(np.uint8), np.arange(n) % 2)
        for n in (N, M)
    )
    return Dataset("noise", ("a", "b"), train, test)


def encode(given: Dataset, **params: Any) -> Embedding:
    component = ENCODERS.find("timm_model")
    bound = component.bind(params)
    component.traits.check(bound, len(given.train.labels))
    found: Embedding = component.function(given, generator("t"), lambda _: None, **bound)
    check_embedding("timm_model", found, given)
    return found


def by_timm(network: Any, images: np.ndarray, size: int) -> np.ndarray:
    """One image at a time, by the transform that timm builds for its own configuration."""
    torchvision()
    import timm
    from PIL import Image

    config = {**timm.data.resolve_model_data_config(network), "input_size": (3, size, size)}
    transform = timm.data.create_transform(**{**config, "crop_pct": 1.0}, is_training=False)
    pictures = [Image.fromarray(image.squeeze()).convert("RGB") for image in images]
    with torch.inference_mode():
        return np.array([network(transform(p)[None]).numpy()[0] for p in pictures])


@pytest.mark.parametrize(("model", "size"), [("resnet18", 64), (VIT, 64), ("convnext_atto", 32)])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_timms_own_transform(
    model: str, size: int, channels: int, tmp_path: Path
) -> None:
    network = models.build(model, size, seed=4).eval()
    path = tmp_path / "weights.pth"
    torch.save({f"module.encoder_q.{n}": v for n, v in network.state_dict().items()}, path)
    given = data(channels)
    found = encode(given, model=model, weights=str(path), size=size)
    expected = by_timm(network, given.train.images, size)
    # timm resizes bytes, rounded; here the resized image keeps its fractions.
    assert np.corrcoef(found.train.ravel(), expected.ravel())[0, 1] > 0.995


def test_weights_of_a_larger_transformer_are_resampled_to_the_size(tmp_path: Path) -> None:
    large = models.build(VIT, 224, seed=4)
    torch.save(large.state_dict(), tmp_path / "w.pth")
    found = encode(data(), model=VIT, weights=str(tmp_path / "w.pth"), size=48)
    assert found.train.shape == (N, 192)


@pytest.mark.slow
def test_dinov2s_own_release_is_read(tmp_path: Path) -> None:
    """Its names are timm's but for a mask token; places are those of 518 pixels."""
    model = "vit_small_patch14_dinov2"
    released = models.build(model, 518, seed=4).state_dict()
    places = released.pop("pos_embed")
    released["pos_embed"] = torch.cat([torch.zeros_like(places[:, :1]), places[:, -37 * 37 :]], 1)
    released["mask_token"] = torch.zeros(1, 384)
    torch.save(released, tmp_path / "dinov2.pth")
    small = Dataset("one", ("a", "b"), data().test, data().test)
    found = encode(small, model=model, weights=str(tmp_path / "dinov2.pth"), size=56)
    assert found.train.shape == (M, 384)


def test_random_weights_that_are_asked_for_depend_on_the_generator_alone() -> None:
    torch.manual_seed(1)
    first = encode(data(), model="resnet18", weights="random", size=32)
    torch.manual_seed(2)
    again = encode(data(), model="resnet18", weights="random", size=32, views=1)
    assert np.array_equal(first.train, again.train)
    assert again.views.shape == (1, N, 512)


def test_weights_of_another_network_are_named(tmp_path: Path) -> None:
    torch.save(models.build("resnet34", 32, seed=0).state_dict(), tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"it has beyond it layer1\.2\.conv1\.weight"):
        encode(data(), model="resnet18", weights=str(tmp_path / "w.pth"), size=32)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"model": "resnet19"}, "timm has no model='resnet19'; it has .*resnet1"),
        ({"model": "resnet50.mine"}, r"knows no weights 'mine' of resnet50; it has .*a1_in1k"),
        ({"model": "resnet18", "weights": "w", "pretrained": True}, "exclude each other"),
        ({"model": "resnet18"}, r"without weights.* PATH of a file, or pretrained: true for what"),
        ({"model": "resnet18", "pretrained": True}, r"not in the cache of this machine .*weights"),
        (
            {"model": VIT, "weights": "random", "size": 8},
            "cannot build model='vit_tiny_patch16_224' for size=8",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(
    params: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *given: None)
    with pytest.raises(ValueError, match=message):
        encode(data(), **params)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FileNotFoundError, match=r"weights=none\.pth: there is no such file"):
        encode(data(), model="resnet18", weights="none.pth")


def test_weights_in_the_cache_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save(models.build("resnet18", 32, seed=8).state_dict(), path)

    def cached(repository: str, name: str) -> str | None:
        assert repository == "timm/resnet18.a1_in1k"
        return str(path) if name == path.name else None

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    found = encode(data(), model="resnet18.a1_in1k", pretrained=True, size=32)
    given = encode(data(), model="resnet18.a1_in1k", weights=str(path), size=32)
    assert np.array_equal(found.train, given.train)


def test_without_timm_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModuleNotFoundError, match=r"timm, which is not.*pip install timm"):
        encode(data(), model="resnet18")


def test_images_of_two_channels_are_refused() -> None:
    odd = Split(np.zeros((3, 8, 8, 2), np.uint8), np.zeros(3, np.int64))
    with pytest.raises(ValueError, match="images of 2 channels do not fit weights for 3"):
        encode(Dataset("odd", ("a",), odd, odd), model="resnet18", weights="random", size=32)
