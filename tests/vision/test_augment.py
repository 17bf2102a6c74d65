"""Each change against torchvision's, image by image; the random parameters against its draws."""

import numpy as np
import pytest
import torch
from scipy import stats

from rayal.torchvision_cpu import torchvision
from rayal.vision import augment, colour, draws

torchvision()
from torchvision.transforms import ColorJitter, RandomResizedCrop  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812

N = 40
RECIPES = ("rgb", "ct", "grey")


def recipe(name: str = "rgb", crop_scale=(0.08, 1.0), flip: bool = True) -> draws.Recipe:
    return draws.recipe(name, crop_scale, flip)


def images(channels: int = 3, size: tuple[int, int] = (28, 28), n: int = N) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (n, channels, *size), dtype=torch.uint8, generator=generator)


def drawn(name: str = "rgb", n: int = N, size=(28, 28), seed: int = 1, **changed) -> draws.Draw:
    generator = torch.Generator().manual_seed(seed)
    return draws.draw(n, size, recipe(name, **changed), generator)


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
        (colour.brighten, F.adjust_brightness, (0.6, 1.4)),
        (colour.stretch, F.adjust_contrast, (0.6, 1.4)),
        (colour.saturate, F.adjust_saturation, (0.0, 1.4)),
        (colour.turn_hue, F.adjust_hue, (-0.5, 0.5)),
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
    kernel = [2 * augment.blur_reach(s) + 1 for s in reversed(size)]
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


def _one_by_one(x: torch.Tensor, d: draws.Draw, m: int, r: draws.Recipe) -> torch.Tensor:
    box = [int(v[m]) for v in (d.top, d.left, d.height, d.width)]
    x = F.resized_crop(x.float() / 255, *box, [28, 28], antialias=True)
    x = F.hflip(x) if d.flip[m] else x
    changes = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)
    factors = (d.brightness, d.contrast, d.saturation, d.hue)
    for which in d.order[m // -(-N // draws.GROUPS)].tolist():
        x = changes[which](x, float(factors[which][m]))
    x = F.rgb_to_grayscale(x, 3) if d.grey[m] and len(x) == 3 else x
    if d.sigma[m] > 0:
        x = F.gaussian_blur(x, [13, 13], [float(d.sigma[m])] * 2)
    if r.rotation:
        x = F.rotate(x, float(d.angle[m]), F.InterpolationMode.BILINEAR)
    return x


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
    assert rgb.grey.float().mean() == pytest.approx(0.2, abs=0.03)
    assert not rgb.angle.any()
    assert stats.kstest(ct.angle.numpy(), stats.uniform(-45, 90).cdf).pvalue > 0.01
    assert not ct.grey.any()
    assert not ct.sigma.any()


def test_every_order_of_colour_changes_occurs() -> None:
    orders = {tuple(o) for seed in range(40) for o in drawn(n=8, seed=seed).order.tolist()}
    assert len(orders) == 24


def test_a_recipe_without_flip_never_flips() -> None:
    assert not drawn(n=500, flip=False).flip.any()


@pytest.mark.parametrize("scale", [(0.0, 1.0), (0.9, 0.3), (0.5, 1.2)])
def test_an_impossible_range_of_crops_is_refused(scale) -> None:
    with pytest.raises(ValueError, match=r"0 < smallest <= largest <= 1"):
        recipe(crop_scale=scale)
