from typing import Any

import numpy as np
import pytest
import torch

from rayal.contracts import Dataset, Embedding, Split
from rayal.encoders._features import augmented_views as views
from rayal.encoders._features.extraction import FeatureExtractor
from rayal.registry import ENCODERS
from rayal.run.encoding import check_embedding
from rayal.seeds import generator
from rayal.vision import networks
from rayal.vision.device import to_device
from rayal.vision.torchvision_cpu import torchvision
from rayal.vision.weak_augmentation import WeakAugmentation

torchvision()
from torchvision.transforms import functional as F  # noqa: E402, N812

N, M = 40, 6
QUICK: dict[str, dict[str, Any]] = {
    "pixels": {},
    "random": {"backbone": "small_cnn"},
    "moco": {
        "backbone": "small_cnn",
        "epochs": 1,
        "warmup_epochs": 0,
        "batch_size": 20,
        "queue": 20,
        "projection": 8,
        "augmentation": "grey",
    },
}
each_encoder = pytest.mark.parametrize("name", list(QUICK))


def images(n: int = N, size: tuple[int, int] = (8, 8), channels: int = 1) -> np.ndarray:
    """Smooth pictures, so that a crop resembles its image."""
    coarse = torch.rand(n, channels, 4, 4, generator=torch.Generator().manual_seed(n))
    fine = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)
    return (fine.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)


def data() -> Dataset:
    train, test = (Split(images(n), np.arange(n) % 2) for n in (N, M))
    return Dataset("smooth", ("a", "b"), train, test)


def encode(name: str, seed: int = 0, **params: Any) -> Embedding:
    component = ENCODERS.find(name)
    bound = component.bind({**QUICK[name], **params})
    found: Embedding = component.function(data(), generator("t", seed), lambda _: None, **bound)
    return found


def matching_crops(image: np.ndarray, flips: list[bool]) -> list[np.ndarray]:
    """All that a weak augmentation can make of an image, by torchvision."""
    picture = torch.from_numpy(image).permute(2, 0, 1).float() / 255
    _, H, W = picture.shape
    found = []
    for height in range(1, H + 1):
        for width in range(1, W + 1):
            if height * width < 0.6 * H * W:  # sides are rounded after the area is drawn
                continue
            for top in range(H - height + 1):
                for left in range(W - width + 1):
                    crop = F.resized_crop(picture, top, left, height, width, [H, W], antialias=True)
                    found += [F.hflip(crop) if flip else crop for flip in flips]
    return [crop.permute(1, 2, 0).flatten().numpy() for crop in found]


@pytest.mark.parametrize("flip", [True, False])
def test_a_view_is_a_large_crop_and_at_most_a_flip(flip: bool) -> None:
    pictures = images(6, (5, 6), 3)
    found = views.view_pixels(pictures, 3, flip, seed=1)
    assert found is not None
    for view in found:
        for image, copy in zip(pictures, view, strict=True):
            possible = np.array(matching_crops(image, [False, True] if flip else [False]))
            assert np.abs(possible - copy).max(axis=1).min() < 1e-4


def test_crops_have_four_fifths_of_the_area_or_more() -> None:
    rows, columns = np.mgrid[:30, :30]
    ramps = np.stack([rows, columns, 0 * rows], axis=2).astype(np.uint8)
    found = views.view_pixels(np.broadcast_to(ramps, (300, 30, 30, 3)), 1, False, seed=0)
    assert found is not None
    copies = found[0].reshape(300, 30, 30, 3) * 255
    height = copies[:, -1, 0, 0] - copies[:, 0, 0, 0] + 1
    width = copies[:, 0, -1, 1] - copies[:, 0, 0, 1] + 1
    area = height * width / 900
    assert area.min() > 0.8 - 0.04  # sides are rounded to pixels after the area is drawn
    assert area.max() < 1.0001
    assert np.histogram(area, 4, (0.8, 1.0))[0].min() > 10


@each_encoder
def test_views_change_nothing_else(name: str) -> None:
    without, some = encode(name), encode(name, views=2)
    assert without.views is None
    assert np.array_equal(without.train, some.train)
    assert np.array_equal(without.test, some.test)
    if without.map is not None:
        assert some.map is not None
        assert np.array_equal(without.map.confidence[0.05], some.map.confidence[0.05])


@each_encoder
def test_views_are_repeated_by_the_generator_and_differ_from_one_another(name: str) -> None:
    first, again, other = encode(name, views=2), encode(name, views=2), encode(name, 1, views=2)
    assert first.views is not None
    assert again.views is not None
    assert other.views is not None
    assert first.views.shape == (2, *first.train.shape)
    assert first.views.dtype == np.float32
    assert np.array_equal(first.views, again.views)
    assert not np.array_equal(first.views[0], first.views[1])
    assert not np.array_equal(first.views, other.views)
    more = encode(name, views=3)
    assert more.views is not None
    assert np.array_equal(more.views[:2], first.views)


@each_encoder
def test_a_view_lies_nearer_to_its_own_image_than_to_others(name: str) -> None:
    found = encode(name, views=1, flip=False)
    assert found.views is not None
    centre, spread = found.train.mean(0), found.train.std(0) + 1e-6
    copies, originals = ((x - centre) / spread for x in (found.views[0], found.train))
    nearest = np.linalg.norm(copies[:, None] - originals, axis=2).argmin(axis=1)
    assert (nearest == np.arange(N)).mean() > 0.8


def test_batch_norm_keeps_its_statistics() -> None:
    network = networks.backbone("small_cnn", "imagenet", 1, seed=0)
    network.train()(torch.rand(9, 1, 8, 8))
    before = networks.to_arrays(network)
    together = views.view_features(FeatureExtractor(network), images(), 1, False, seed=0)
    after = networks.to_arrays(network)
    assert together is not None
    assert all(np.array_equal(before[key], after[key]) for key in before)
    weak = WeakAugmentation(False, 0)
    planes = to_device(images())
    copies = weak.for_network(planes)
    with torch.inference_mode():
        alone = torch.cat([network(copies[i : i + 1]) for i in range(N)])
    np.testing.assert_allclose(together[0], alone, rtol=1e-4, atol=1e-5)


@each_encoder
def test_an_encoder_says_that_it_gives_views(name: str) -> None:
    component = ENCODERS.find(name)
    assert "views" in component.traits.gives(component.bind({"views": 1}))
    assert "views" not in component.traits.gives(component.bind({}))


@each_encoder
@pytest.mark.parametrize("value", [-1, 101, 1.5])
def test_a_bad_number_of_views_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=rf"'{name}': views={value} is refused"):
        ENCODERS.find(name).bind({"views": value})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((N, 3), np.float32), r"views with shape \(40, 3\); \(A, N, D\) with N, D = \(40,"),
        (np.ones((2, N, 4), np.float32), r"views with shape \(2, 40, 4\)"),
        (np.ones((2, N, 3)), "view 1 features of float64"),
        (np.stack([np.ones((N, 3)), np.full((N, 3), np.nan)]).astype(np.float32),
         "infinite features for 40 of 40 view 2 images of smooth"),
    ],
)  # fmt: skip
def test_views_that_break_the_contract_are_named(given: np.ndarray, message: str) -> None:
    embedding = Embedding(np.ones((N, 3), np.float32), np.ones((M, 3), np.float32), views=given)
    with pytest.raises(ValueError, match=f"encoder 'mine' gave .*{message}"):
        check_embedding("mine", embedding, data())
