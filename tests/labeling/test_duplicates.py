"""Which image stands for which: by thumbnails, and by features."""

from pathlib import Path

import numpy as np
import pytest

from rayal.labeling.duplicates import CORRELATION, fingerprints, stand_for


def thumbnails(N: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (N, 16, 16)).astype(np.uint8)


def unlike(N: int) -> np.ndarray:
    """Features that tell all images apart."""
    return np.eye(N, dtype=np.float32)


def by_thumbnails(tiny: np.ndarray) -> list[int]:
    return stand_for(tiny, unlike(len(tiny)), np.random.default_rng(0)).tolist()


def test_the_cosine_of_fingerprints_is_the_correlation_of_pictures() -> None:
    tiny = thumbnails()
    rows = fingerprints(tiny)
    expected = np.corrcoef(tiny.reshape(len(tiny), -1).astype(float))
    np.testing.assert_allclose(rows @ rows.T, expected, atol=1e-6)


def test_noisy_darker_and_paler_copies_are_one_image() -> None:
    tiny = thumbnails(3).astype(int)
    noisy = np.clip(tiny + np.random.default_rng(1).integers(-3, 4, tiny.shape), 0, 255)
    copies = np.concatenate([tiny, noisy, tiny // 2, 100 + tiny // 4]).astype(np.uint8)
    assert by_thumbnails(copies) == [0, 1, 2] * 4


def test_strokes_on_black_are_images_of_their_own() -> None:
    tiny = np.zeros((13, 16, 16), np.uint8)
    for number in range(13):
        tiny[number, 2:14, number + 1] = 255  # a stroke a pixel further
    assert by_thumbnails(tiny) == list(range(13))


def test_pictures_of_one_gray_are_told_by_their_features() -> None:
    tiny = np.full((4, 16, 16), 7, np.uint8)
    assert by_thumbnails(tiny) == [0, 1, 2, 3]
    features = unlike(4)
    features[3] = features[2]
    assert stand_for(tiny, features, np.random.default_rng(0)).tolist() == [0, 1, 2, 2]


@pytest.mark.parametrize("dataset", ["pbcblood", "cifar10_lt"])
def test_photographs_have_few_near_duplicates(real_data: Path, dataset: str) -> None:
    from PIL import Image

    with np.load(real_data / f"{dataset}.npz") as file:
        images = file[next(name for name in file.files if "train_images" in name)][:600]
    gray = [Image.fromarray(image).convert("L") for image in images]
    tiny = np.stack([np.asarray(one.resize((16, 16), Image.Resampling.BOX)) for one in gray])
    rows = fingerprints(tiny)
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, 0)
    assert (cosines.max(axis=1) >= CORRELATION).mean() <= 0.005
