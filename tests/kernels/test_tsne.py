"""A plane by t-SNE."""

import numpy as np
import pytest

from rayal.kernels.tsne import tsne2d


def groups(size: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    group = np.arange(size) % 3
    return (rng.normal(size=(size, 5)) + 30 * np.eye(3, 5)[group]).astype(np.float32), group


def test_neighbors_in_the_plane_are_neighbors_among_the_features() -> None:
    features, group = groups()
    plane = tsne2d(features)
    distances = np.linalg.norm(plane[:, None] - plane[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert plane.shape == (60, 2)
    assert (group[distances.argmin(axis=1)] == group).mean() > 0.9


def test_the_same_features_and_seed_have_the_same_plane() -> None:
    features, _ = groups()
    assert (tsne2d(features, 4) == tsne2d(features, 4)).all()


@pytest.mark.parametrize("width", [1, 4])
def test_features_that_are_all_alike_have_one_place(width: int) -> None:
    assert (tsne2d(np.full((40, width), 2.5, np.float32)) == 0).all()


def test_features_of_two_values_alone_have_finite_places() -> None:
    features = np.repeat(np.eye(2, 3, dtype=np.float32), 30, axis=0)
    assert np.isfinite(tsne2d(features)).all()


def test_a_single_dimension_has_a_plane() -> None:
    assert tsne2d(np.arange(20, dtype=np.float32)[:, None]).shape == (20, 2)
