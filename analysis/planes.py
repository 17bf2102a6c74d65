"""A pool laid out in a plane: a table with a row per image, for figures to draw.

UMAP where umap-learn is installed, and PCA where it is not, shows the clusters of the features
with the easiest and the hardest image of each (HaCon, Fig. 9); t-SNE shows the pool as cycles go
on (MSAL, Fig. 2). Both of the frozen features, on at most MOST images, every one that a strategy
chose among them as far as there is room. Seeded: the same artefact gives the same plane.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from analysis.study.stored_images import UNKNOWN, Indices, Pool

MOST = 2000  # images in a plane
CLUSTERS = 30  # HaCon's K
LEAST = 10  # images without which there is nothing to lay out
COLUMNS = ["index", "x", "y", "class_index", "method"]
DIGITS = 4  # of coordinates, so that a table that is read back is the same
Floats = npt.NDArray[np.floating[Any]]


def sample(size: int, wanted: Indices) -> Indices:
    """At most MOST of `size` images, ascending: those wanted first, the rest at random."""
    rng = np.random.default_rng(size)
    wanted = np.unique(wanted[(wanted >= 0) & (wanted < size)])
    if len(wanted) > MOST:
        return np.sort(rng.choice(wanted, MOST, replace=False))
    others = np.setdiff1d(np.arange(size), wanted, assume_unique=True)
    rest = rng.choice(others, min(MOST - len(wanted), len(others)), replace=False)
    return np.sort(np.concatenate([wanted, rest])).astype(np.int64)


def cluster_plane(
    pool: Pool, wanted: Indices, confidence: Floats | None, earlier: pd.DataFrame
) -> pd.DataFrame:
    """Plane of a pool with its clusters; `pick` marks each one's easiest and hardest to contrast.

    Args:
        pool: of N images.
        wanted: images that should be in it.
        confidence: of the dataset map, (N,); None where there is none, and so no picks.
        earlier: a plane made of the same artefact before, or an empty one; not made twice.

    Returns:
        Columns index, x, y, class_index, method, cluster, confidence, pick ("easy", "hard", "").
    """
    features, indices = _chosen_features(pool, wanted)
    if len(indices) < LEAST:
        return pd.DataFrame(columns=[*COLUMNS, "cluster", "confidence", "pick"])
    found = _plane(pool, indices, features, earlier, "UMAP" if _has_umap() else "PCA")
    found["cluster"] = _clusters(features)
    found["confidence"] = np.nan if confidence is None else confidence[indices]
    found["pick"] = ""
    if confidence is not None:
        by_cluster = found.groupby("cluster")["confidence"]
        found.loc[by_cluster.idxmax(), "pick"] = "easy"
        found.loc[by_cluster.idxmin(), "pick"] = "hard"
    return found


def round_plane(pool: Pool, wanted: Indices, earlier: pd.DataFrame) -> pd.DataFrame:
    """Plane of a pool by t-SNE. Columns index, x, y, class_index, method."""
    features, indices = _chosen_features(pool, wanted)
    if len(indices) < LEAST:
        return pd.DataFrame(columns=COLUMNS)
    return _plane(pool, indices, features, earlier, "t-SNE")


def _chosen_features(pool: Pool, wanted: Indices) -> tuple[Floats, Indices]:
    if pool.features is None:
        return np.empty((0, 1)), np.empty(0, np.int64)
    indices = sample(len(pool.features), wanted)
    return np.asarray(pool.features[indices], np.float32), indices


def _plane(
    pool: Pool, indices: Indices, features: Floats, earlier: pd.DataFrame, method: str
) -> pd.DataFrame:
    same = np.array_equal(earlier.get("index", ()), indices)
    if same and (earlier["method"] == method).all():
        points = earlier[["x", "y"]].to_numpy(np.float64)
    else:
        with threadpool_limits(1):  # threads that wait for a busy core take minutes
            points = np.nan_to_num(PROJECTIONS[method](features)).astype(np.float64).round(DIGITS)
    classes = pool.classes(indices)
    shown = np.full(len(indices), UNKNOWN) if classes is None else classes
    columns = [indices, points[:, 0], points[:, 1], shown]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=False))).assign(method=method)


def _has_umap() -> bool:
    return importlib.util.find_spec("umap") is not None


def _umap(features: Floats) -> Floats:
    from umap import UMAP

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of points that are all alike, and of one thread
        neighbours = min(15, len(features) - 1)
        mapper = UMAP(n_neighbors=neighbours, random_state=0, n_jobs=1)
        return np.asarray(mapper.fit_transform(features))


def _pca(features: Floats) -> Floats:
    from sklearn.decomposition import PCA

    wide = np.pad(features, ((0, 0), (0, 2)))
    with np.errstate(invalid="ignore"):  # of points that are all alike
        return np.asarray(PCA(2, random_state=0).fit_transform(wide))


def _tsne(features: Floats) -> Floats:
    from sklearn.manifold import TSNE

    wide = np.pad(features, ((0, 0), (0, 2)))
    perplexity = min(30.0, (len(features) - 1) / 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of points that are all alike
        mapper = TSNE(init="pca", random_state=0, perplexity=perplexity, n_jobs=1)
        return np.asarray(mapper.fit_transform(wide))


def _clusters(features: Floats) -> npt.NDArray[np.int64]:
    from sklearn.cluster import KMeans

    distinct = len(np.unique(features, axis=0))
    k = max(1, min(CLUSTERS, distinct, len(features) // LEAST))
    with threadpool_limits(1):
        found = KMeans(k, n_init=3, random_state=0).fit_predict(features)
    return np.asarray(found, np.int64)


PROJECTIONS: dict[str, Callable[[Floats], Floats]] = {"UMAP": _umap, "PCA": _pca, "t-SNE": _tsne}
