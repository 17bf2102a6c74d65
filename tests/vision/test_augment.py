"""Each change against torchvision's, image by image; the random parameters against its draws."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from rayal.vision import augment, color
from rayal.vision.augmentation_params import (
    GROUPS,
    AugmentationParams,
    AugmentationRanges,
    augmentation_ranges,
    sample_params,
)
from rayal.vision.torchvision_cpu import torchvision

pytestmark = pytest.mark.slow

torchvision()
from torchvision import transforms as T  # noqa: E402, N812
from torchvision.transforms import ColorJitter, RandomResizedCrop  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812

N = 40
RECIPES = ("rgb", "rgb_no_blur", "ct", "grey")


def recipe(name: str = "rgb", crop_scale=(0.08, 1.0), flip: bool = True) -> AugmentationRanges:
    return augmentation_ranges(name, crop_scale, flip)


def images(channels: int = 3, size: tuple[int, int] = (28, 28), n: int = N) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=generator)


def drawn(
    name: str = "rgb", n: int = N, size=(28, 28), seed: int = 1, **changed
) -> AugmentationParams:
    generator = torch.Generator().manual_seed(seed)
    return sample_params(n, size, recipe(name, **changed), generator)


@pytest.mark.parametrize("size", [(28, 28), (8, 8), (20, 33)])
@pytest.mark.parametrize("channels", [1, 3])
def test_crop_and_flip_are_torchvisions(size, channels) -> None:
    x, d = images(channels, size), drawn(size=size)
    found = augment.crop_and_flip(x, d)
    assert d.flip.any()
    assert not d.flip.all()
    for m in range(N):
        box = [int(v[m]) for v in (d.top, d.left, d.height, d.width)]
        expected = F.resized_crop(x[m].float() / 255, *box, list(size), antialias=True)
        expected = F.hflip(expected) if d.flip[m] else expected
        torch.testing.assert_close(found[m], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("ours", "theirs", "factors"),
    [
        (color.adjust_brightness, F.adjust_brightness, (0.6, 1.4)),
        (color.adjust_contrast, F.adjust_contrast, (0.6, 1.4)),
        (color.adjust_saturation, F.adjust_saturation, (0.0, 1.4)),
        (color.adjust_hue, F.adjust_hue, (-0.5, 0.5)),
    ],
)
def test_a_colour_change_is_torchvisions(ours, theirs, factors) -> None:
    x = images().float() / 255
    x[0], x[1, 0], x[2, 2] = 0.3, x[1, 1], 0  # a grey image, ties of channels, no blue
    factor = torch.linspace(*factors, N)
    before = x.clone()
    found = ours(x.clone(), factor)
    for m in range(N):
        torch.testing.assert_close(found[m], theirs(x[m], float(factor[m])), atol=5e-6, rtol=0)
    assert not torch.allclose(found, before, atol=0.1)


@pytest.mark.parametrize("size", [(28, 28), (8, 8), (5, 40)])
def test_blur_is_torchvisions_with_a_kernel_of_three_sigmas(size) -> None:
    x = images(size=size).float() / 255
    sigma = torch.linspace(0.1, 2.0, N)
    found = augment.blur(x, sigma)
    kernel = [2 * augment.blur_radius(s) + 1 for s in reversed(size)]
    for m in range(N):
        expected = F.gaussian_blur(x[m], kernel, [float(sigma[m])] * 2)
        torch.testing.assert_close(found[m], expected, atol=1e-5, rtol=0)


def test_blur_with_sigma_zero_changes_nothing() -> None:
    x = images().float() / 255
    torch.testing.assert_close(augment.blur(x, torch.zeros(N)), x)


@pytest.mark.parametrize("size", [(28, 28), (20, 30)])
def test_rotation_is_torchvisions(size) -> None:
    x = images(1, size).float() / 255
    angle = torch.linspace(-45, 45, N)
    found = augment.rotate(x, angle)
    for m in range(N):
        bilinear = F.InterpolationMode.BILINEAR
        expected = F.rotate(x[m], float(angle[m]), bilinear)
        torch.testing.assert_close(found[m], expected, atol=2e-4, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", RECIPES)
def test_a_whole_augmentation_is_torchvisions_steps_in_turn(name, channels) -> None:
    x, d = images(channels), drawn(name)
    found = augment.augment(x, d, recipe(name))
    assert found.shape == x.shape
    assert found.is_contiguous(memory_format=torch.channels_last)
    for m in range(N):
        expected = _one_by_one(x[m], d, m, recipe(name)) * 2 - 1
        torch.testing.assert_close(found[m], expected, atol=5e-4, rtol=0)


def _one_by_one(
    x: torch.Tensor, d: AugmentationParams, m: int, r: AugmentationRanges, n: int = N
) -> torch.Tensor:
    box = [int(v[m]) for v in (d.top, d.left, d.height, d.width)]
    x = F.resized_crop(x.float() / 255, *box, list(x.shape[1:]), antialias=True)
    x = F.hflip(x) if d.flip[m] else x
    changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    factors = (d.brightness, d.contrast, d.saturation, d.hue)
    for which in d.order[m // -(-n // GROUPS)].tolist():
        x = changes[which](x, float(factors[which][m]))
    x = F.rgb_to_grayscale(x, 3) if d.grayscale[m] and len(x) == 3 else x
    if d.sigma[m] > 0:
        x = F.gaussian_blur(x, [13, 13], [float(d.sigma[m])] * 2)
    if r.rotation:
        x = F.rotate(x, float(d.angle[m]), F.InterpolationMode.BILINEAR)
    return x


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_a_jitter_in_each_order_is_torchvisions(order) -> None:
    x = images(n=8)
    d = drawn(n=8)
    factors = torch.linspace(-1, 1, 8)
    upright = torch.zeros(8, dtype=torch.bool)
    strong = replace(
        d,
        brightness=1 + 0.4 * factors,
        contrast=1 - 0.4 * factors,
        saturation=1 + 0.4 * factors.roll(3),
        hue=0.1 * factors.roll(5),
        grayscale=upright,
    )
    found = color.color_jitter(x.float() / 255, order, strong)
    for m in range(8):
        expected = x[m].float() / 255
        for which in order:
            name = ("brightness", "contrast", "saturation", "hue")[which]
            expected = getattr(F, f"adjust_{name}")(expected, float(getattr(strong, name)[m]))
        torch.testing.assert_close(found[m], expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("name", RECIPES)
def test_a_whole_augmentation_at_224_pixels_is_torchvisions(name) -> None:
    x, d = images(size=(224, 224), n=8), drawn(name, n=8, size=(224, 224), seed=3)
    found = augment.augment(x, d, recipe(name))
    for m in range(8):
        expected = _one_by_one(x[m], d, m, recipe(name), 8) * 2 - 1
        torch.testing.assert_close(found[m], expected, atol=2e-3, rtol=0)


def test_images_that_are_views_of_an_array_with_channels_last_come_out_bit_by_bit() -> None:
    x, d = images(), drawn()
    last = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
    before = last.clone()
    assert torch.equal(augment.augment(last, d, recipe()), augment.augment(x, d, recipe()))
    assert torch.equal(last, before)


@pytest.mark.parametrize("size", [(28, 28), (224, 224), (20, 33)])
def test_areas_and_ratios_of_crops_are_distributed_as_torchvisions(size) -> None:
    ours = drawn(n=4000, size=size, seed=5)
    torch.manual_seed(5)
    picture = torch.zeros(1, *size)
    draws_of = RandomResizedCrop.get_params
    theirs = np.array([draws_of(picture, (0.08, 1.0), (3 / 4, 4 / 3)) for _ in range(4000)])
    height, width = ours.height.numpy(), ours.width.numpy()
    assert stats.ks_2samp(height * width, theirs[:, 2] * theirs[:, 3]).pvalue > 0.01
    assert stats.ks_2samp(width / height, theirs[:, 3] / theirs[:, 2]).pvalue > 0.01


@pytest.mark.parametrize("scale", [(0.08, 1.0), (0.5, 0.9)])
def test_crops_are_distributed_as_torchvisions(scale) -> None:
    ours = drawn(n=3000, crop_scale=scale)
    torch.manual_seed(0)
    picture = torch.zeros(1, 28, 28)
    theirs = [RandomResizedCrop.get_params(picture, scale, (3 / 4, 4 / 3)) for _ in range(3000)]
    for i, name in enumerate(("top", "left", "height", "width")):
        found = getattr(ours, name).numpy()
        assert stats.ks_2samp(found, np.array(theirs)[:, i]).pvalue > 0.01, name
    area = (ours.height * ours.width).numpy()
    assert stats.ks_2samp(area, np.prod(np.array(theirs)[:, 2:], axis=1)).pvalue > 0.01


def test_colour_factors_are_distributed_as_torchvisions() -> None:
    d = drawn(n=4000)
    torch.manual_seed(0)
    jitter = ColorJitter(0.4, 0.4, 0.4, 0.1)
    ranges = (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue)
    theirs = np.array([jitter.get_params(*ranges)[1:] for _ in range(4000)], dtype=float)
    jittered = (d.hue != 0).numpy()
    assert jittered.mean() == pytest.approx(0.8, abs=0.03)
    for i, name in enumerate(("brightness", "contrast", "saturation", "hue")):
        found = getattr(d, name).numpy()
        assert stats.ks_2samp(found[jittered], theirs[:, i]).pvalue > 0.01, name
        assert (found[~jittered] == (name != "hue")).all()


def test_the_other_draws_have_the_published_probabilities_and_ranges() -> None:
    rgb, ct = drawn(n=4000), drawn("ct", n=4000)
    blurred = rgb.sigma[rgb.sigma > 0].numpy()
    assert len(blurred) / 4000 == pytest.approx(0.5, abs=0.03)
    assert stats.kstest(blurred, stats.uniform(0.1, 1.9).cdf).pvalue > 0.01
    assert rgb.flip.float().mean() == pytest.approx(0.5, abs=0.03)
    assert rgb.grayscale.float().mean() == pytest.approx(0.2, abs=0.03)
    assert not rgb.angle.any()
    assert stats.kstest(ct.angle.numpy(), stats.uniform(-45, 90).cdf).pvalue > 0.01
    assert not ct.grayscale.any()
    assert not ct.sigma.any()


def test_blurs_and_angles_are_distributed_as_torchvisions() -> None:
    torch.manual_seed(2)
    rgb, ct, grey = (drawn(name, n=3000, seed=7) for name in ("rgb", "ct", "grey"))
    sigmas = [T.GaussianBlur.get_params(0.1, 2.0) for _ in range(3000)]
    assert stats.ks_2samp(rgb.sigma[rgb.sigma > 0], sigmas).pvalue > 0.01
    for found, degrees in ((ct, 45.0), (grey, 10.0)):
        angles = [T.RandomRotation.get_params([-degrees, degrees]) for _ in range(3000)]
        assert stats.ks_2samp(found.angle, angles).pvalue > 0.01


@pytest.mark.parametrize(
    ("name", "probability"), [("flip", 0.5), ("grayscale", 0.2), ("sigma", 0.5), ("hue", 0.8)]
)
def test_what_happens_at_random_happens_as_often_as_published(name, probability) -> None:
    happened = int((getattr(drawn(n=5000, seed=11), name) != 0).sum())
    assert stats.binomtest(happened, 5000, probability).pvalue > 0.01


def test_parameters_of_an_image_are_drawn_independently() -> None:
    d = drawn(n=4000, seed=13)
    jittered = d.hue != 0
    names = ("height", "flip", "brightness", "contrast", "saturation", "hue", "grayscale", "sigma")
    rows = torch.stack([getattr(d, name)[jittered].double() for name in names]).numpy()
    correlation = np.corrcoef(rows) - np.eye(len(names))
    assert np.abs(correlation).max() < 4.5 / np.sqrt(rows.shape[1])


def test_every_order_of_colour_changes_occurs_alike() -> None:
    orders = [tuple(o) for seed in range(300) for o in drawn(n=8, seed=seed).order.tolist()]
    counts = [orders.count(order) for order in itertools.permutations(range(4))]
    assert sum(counts) == len(orders)
    assert stats.chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("channels", [1, 3])
def test_finished_images_are_distributed_as_those_of_torchvisions_pipeline(channels) -> None:
    """Brightness, contrast, colour, sharpness and balance of 1,500 views of one picture."""
    n = 1500
    ramp = torch.linspace(0, 255, 28).round().to(torch.uint8)
    picture = torch.stack([ramp.expand(28, 28), ramp.flip(0).expand(28, 28).T, ramp[:, None] // 2
                           + ramp[None] // 4])[:channels]  # fmt: skip
    steps = [
        T.ConvertImageDtype(torch.float32),
        T.RandomResizedCrop(28, (0.08, 1.0), antialias=True),
        T.RandomHorizontalFlip(),
        T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
        *([T.RandomGrayscale(0.2)] if channels == 3 else []),
        T.RandomApply([T.GaussianBlur(13, (0.1, 2.0))], 0.5),
    ]
    torch.manual_seed(4)
    pipeline = T.Compose(steps)
    theirs = torch.stack([pipeline(picture) for _ in range(n)])
    parts = [drawn(n=50, seed=100 + i) for i in range(n // 50)]
    same = picture.expand(50, -1, -1, -1)
    ours = torch.cat([(augment.augment(same, d, recipe()) + 1) / 2 for d in parts])
    for name, measure in MEASURES.items():
        assert stats.ks_2samp(measure(ours), measure(theirs)).pvalue > 0.01, name


MEASURES = {
    "brightness": lambda x: x.mean((1, 2, 3)),
    "contrast": lambda x: x.std((1, 2, 3)),
    "first colour": lambda x: x[:, 0].mean((1, 2)),
    "colourfulness": lambda x: x.std(1, unbiased=False).mean((1, 2)),
    "sharpness": lambda x: x.diff(dim=3).abs().mean((1, 2, 3)),
    "balance": lambda x: x[..., :14].mean((1, 2, 3)) - x[..., 14:].mean((1, 2, 3)),
}


def test_a_recipe_without_flip_never_flips() -> None:
    assert not drawn(n=500, flip=False).flip.any()


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.9, 0.3), (0.5, 1.2)])
def test_an_impossible_range_of_crops_is_refused(scale) -> None:
    with pytest.raises(ValueError, match=r"0 < smallest <= largest <= 1"):
        recipe(crop_scale=scale)
