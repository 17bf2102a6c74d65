from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from rayal.contracts import Dataset, Embedding, Split
from rayal.encoders import checkpoint
from rayal.registry import ENCODERS
from rayal.run.encoding import check_embedding
from rayal.seeds import generator
from rayal.vision import networks
from rayal.vision.torchvision_cpu import torchvision
from rayal.vision.weak_augmentation import WeakAugmentation

torchvision()
from torchvision.transforms import functional as F  # noqa: E402, N812

pytestmark = pytest.mark.slow

N, M = 7, 3
MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def data(channels: int = 3, size: tuple[int, int] = (28, 28)) -> Dataset:
    rng = np.random.default_rng(channels)
    train, test = (
        Split(rng.integers(0, 256, (n, *size, channels)).astype(np.uint8), np.arange(n) % 2)
        for n in (N, M)
    )
    return Dataset("noise", ("a", "b"), train, test)


def encode(given: Dataset, progress: Any = lambda _: None, **params: Any) -> Embedding:
    component = ENCODERS.find("checkpoint")
    found: Embedding = component.function(
        given, generator("t"), progress, **component.bind({"backbone": "resnet18", **params})
    )
    check_embedding("checkpoint", found, given)
    return found


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    return networks.backbone("resnet18", "imagenet", 3, seed=5).eval()


@pytest.fixture(scope="module")
def weights(trained: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("files") / "resnet18.pth"
    torch.save({f"module.encoder_q.{n}": v for n, v in trained.state_dict().items()}, path)
    return str(path)


def slow_features(network: nn.Module, images: np.ndarray, size: int | None) -> np.ndarray:
    """One image at a time, by torchvision's transforms."""
    rows = []
    for image in images:
        picture = torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 255
        if size is not None:
            picture = F.resize(picture, [size, size], antialias=True).clamp(0, 1)
        picture = F.normalize(picture.expand(3, -1, -1), MEAN, STD)
        rows.append(network(picture[None]).detach().numpy()[0])
    return np.array(rows)


@pytest.mark.parametrize("size", [None, 40, 20])
@pytest.mark.parametrize("channels", [1, 3])
def test_features_are_those_of_each_image_resized_and_standardised(
    trained: nn.Module, weights: str, channels: int, size: int | None
) -> None:
    given = data(channels)
    found = encode(given, weights=weights, size=size, batch_size=4)
    for rows, images in ((found.train, given.train.images), (found.test, given.test.images)):
        expected = slow_features(trained, images, size)
        np.testing.assert_allclose(rows, expected, rtol=1e-3, atol=1e-4)


def test_images_that_are_not_square_are_stretched(trained: nn.Module, weights: str) -> None:
    given = data(3, (20, 44))
    found = encode(given, weights=weights, size=32)
    expected = slow_features(trained, given.test.images, 32)
    np.testing.assert_allclose(found.test, expected, rtol=1e-3, atol=1e-4)


def test_half_precision_is_close_to_whole(weights: str) -> None:
    whole, half = (encode(data(), weights=weights, precision=p) for p in ("float32", "bf16"))
    assert half.train.dtype == np.float32
    assert not np.array_equal(whole.train, half.train)
    assert np.corrcoef(whole.train.ravel(), half.train.ravel())[0, 1] > 0.999


def test_weights_for_rgb_go_on_to_learners_as_weights_for_the_images(weights: str) -> None:
    for channels in (1, 3):
        found = encode(data(channels), weights=weights)
        rebuilt = networks.rebuild(found.weights)
        images = torch.zeros(2, channels, 28, 28)
        assert rebuilt(images).shape == (2, 512)


def test_progress_and_views_are_given(weights: str) -> None:
    told: list[dict[str, float]] = []
    found = encode(data(), told.append, weights=weights, views=2)
    assert found.views.shape == (2, N, 512)
    assert told[-1]["epoch"] == 1
    assert told[-1]["images_per_second"] > 0
    assert encode(data(), weights=weights).views is None


def test_views_are_prepared_as_the_images_are(
    weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WeakAugmentation, "__call__", lambda self, images: images.float() / 255)
    found = encode(data(1), weights=weights, size=40, views=1)
    np.testing.assert_allclose(found.views[0], found.train, rtol=1e-5, atol=1e-6)


def test_rayals_own_weights_give_its_own_features(tmp_path: Path) -> None:
    """moco and random standardise to -1..1: colours: half."""
    from safetensors.numpy import save_file

    given = data(1)
    component = ENCODERS.find("random")
    params = component.bind({"backbone": "small_cnn"})
    own = component.function(given, generator("t"), lambda _: None, **params)
    save_file(dict(own.weights), tmp_path / "weights.safetensors")
    found = encode(
        given, weights=str(tmp_path / "weights.safetensors"), backbone="small_cnn", colours="half"
    )
    np.testing.assert_allclose(found.train, own.train, rtol=1e-3, atol=1e-4)
    assert found.weights["0.0.weight"].shape[1] == 1


def test_another_networks_weights_are_refused_with_what_the_file_fits(weights: str) -> None:
    with pytest.raises(
        ValueError,
        match=r"it lacks .*; backbone=resnet34, stem=cifar .*fits backbone=resnet18, stem=imagenet",
    ):
        checkpoint.load(Path(weights), "resnet34", "cifar")


def test_weights_of_no_known_network_lead_to_timm(tmp_path: Path) -> None:
    torch.save({"blocks.0.attn.qkv.weight": torch.zeros(4)}, tmp_path / "vit.pth")
    with pytest.raises(ValueError, match="fits no ResNet known here; the encoder timm_model"):
        checkpoint.load(tmp_path / "vit.pth", "resnet50", "imagenet")


def test_colour_images_and_grey_weights_do_not_fit(tmp_path: Path) -> None:
    grey = networks.backbone("small_cnn", "imagenet", 1, seed=0)
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    with pytest.raises(ValueError, match="images of 3 channels do not fit weights for 1"):
        encode(data(3), weights=str(tmp_path / "grey.pth"), backbone="small_cnn")


def test_a_file_that_is_not_there_is_refused_when_planned() -> None:
    component = ENCODERS.find("checkpoint")
    params = component.bind({"weights": "nowhere.pth"})
    with pytest.raises(FileNotFoundError, match=r"weights=nowhere\.pth: there is no such file"):
        component.traits.check(params, 10)
    with pytest.raises(ValueError, match="needs the parameter 'weights'"):
        component.bind({})
