"""Pools laid out in a plane: clusters with easy and hard picks, and what cycles chose by round.

By t-SNE: the clusters of the features with the easiest and the hardest image of each (HaCon,
Fig. 9, there by UMAP), and the pool as cycles go on. Both of the frozen features, on at most MOST
images, every one that a strategy chose among them as far as there is room. Seeded: the same
embedding gives the same projection.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.figures import projections as drawings
from analysis.figures.spec import PLACE, FigureSpec, of_place
from analysis.page.blocks import Block
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.statistics import projections
from analysis.study.embeddings import UNKNOWN, EmbeddedImages, Indices, StoredEmbedding
from analysis.study.grouping import to_frame
from analysis.study.study import Study
from rayal.contracts import DatasetMap
from rayal.storage.files import StoreError, files_of

MOST = 2000  # images in a projection
LEAST = 10  # images without which there is nothing to lay out
MOST_POOLS = 6  # each takes many seconds
TAU = 0.05  # HaCon's temperature
COLUMNS = ["index", "x", "y", "class_index", "method"]
CLUSTERED = ["cluster", "confidence", "pick"]
Confidence = npt.NDArray[np.float32]


def tables(study: Study, earlier: Tables) -> Tables:
    """Projections of the pools that images were chosen from."""
    if "chosen_images" not in earlier:
        return {}
    chosen = earlier["chosen_images"]
    clusters = _of_pools(study, chosen, "plane_clusters", _earlier(study, "plane_clusters"))
    earlier_rounds = _earlier(study, "plane_rounds")
    if len(clusters):  # a pool has one plane for both
        others = ~earlier_rounds["artefact"].isin(clusters["artefact"])
        earlier_rounds = pd.concat([clusters, earlier_rounds[others]])
    rounds = _of_pools(study, chosen, "plane_rounds", earlier_rounds)
    return non_empty({"plane_clusters": clusters, "plane_rounds": rounds})


def cluster_projection(
    images: EmbeddedImages, wanted: Indices, confidence: Confidence | None, earlier: pd.DataFrame
) -> pd.DataFrame:
    """Projection of a pool with clusters; `pick` marks each one's easiest and hardest to contrast.

    Args:
        images: of a pool of N.
        wanted: images (n,) that should be in it.
        confidence: of the dataset map, (N,); None where there is none, and so no picks.
        earlier: a projection made of the same embedding before, or an empty one; not made twice.

    Returns:
        Columns index, x, y, class_index, method, cluster, confidence, pick ("easy", "hard", "").
    """
    indices, features = _sample(images, wanted)
    if len(indices) < LEAST:
        return to_frame([], [*COLUMNS, *CLUSTERED])
    plane = _projected(images, indices, features, earlier)
    plane["cluster"] = projections.k_means(features)
    plane["confidence"] = np.nan if confidence is None else confidence[indices]
    plane["pick"] = ""
    if confidence is not None:
        by_cluster = plane.groupby("cluster")["confidence"]
        plane.loc[by_cluster.idxmax(), "pick"] = "easy"
        plane.loc[by_cluster.idxmin(), "pick"] = "hard"
    return plane


def round_projection(
    images: EmbeddedImages, wanted: Indices, earlier: pd.DataFrame
) -> pd.DataFrame:
    """Projection of a pool's images (n,). Columns index, x, y, class_index, method."""
    indices, features = _sample(images, wanted)
    if len(indices) < LEAST:
        return to_frame([], COLUMNS)
    return _projected(images, indices, features, earlier)


def figures(_study: Study, tables: Tables) -> Iterator[FigureSpec]:
    """Plan a figure of the clusters and one of the rounds of each pool."""
    if "plane_clusters" in tables:
        yield from _cluster_figures(tables["plane_clusters"], tables["chosen_images"])
    if "plane_rounds" in tables:
        yield from _round_figures(tables["plane_rounds"], tables["chosen_images"])


@section(
    "projections",
    title="Projections",
    heading="The pool in a plane",
    order=105,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """Clusters of single queries, rounds of cycles."""
    yield from report.gallery("clusters", "rounds")


def _of_pools(
    study: Study, chosen: pd.DataFrame, table: str, earlier: pd.DataFrame
) -> pd.DataFrame:
    """Project the first MOST_POOLS pools that images were chosen from; clusters need a map.

    Those of single queries for the clusters, those of cycles for the rounds.
    """
    clusters = table == "plane_clusters"
    pools = [e for e in study.embeddings if e.dataset_map is not None or not clusters]
    of_kind = chosen["rounds"] == 1 if clusters else chosen["rounds"] > 1
    used = set(chosen.loc[of_kind, "artefact"])
    parts = []
    for embedding, wanted in islice(_wanted(pools, chosen, used), MOST_POOLS):
        before = earlier[earlier["artefact"] == embedding.key]
        if clusters:
            confidence = _confidence(embedding.dataset_map)
            plane = cluster_projection(embedding.images, wanted, confidence, before)
        else:
            plane = round_projection(embedding.images, wanted, before)
        parts.append(plane.assign(**embedding.place))
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _wanted(
    pools: Iterable[StoredEmbedding], chosen: pd.DataFrame, used: set[str]
) -> Iterator[tuple[StoredEmbedding, Indices]]:
    """Pools in use, with all images (n,) that were chosen from each."""
    for embedding in pools:
        if embedding.key in used:
            of_pool = chosen["artefact"] == embedding.key
            yield embedding, chosen.loc[of_pool, "index"].to_numpy(np.int64)


def _earlier(study: Study, table: str) -> pd.DataFrame:
    """Return the table that an earlier report left, so that no projection is made twice."""
    columns = ["artefact", *COLUMNS]
    root = study.run.root
    with contextlib.suppress(OSError, ValueError, StoreError):
        content = files_of(root).read(root / "tables" / f"{table}.csv")
        read = pd.read_csv(io.BytesIO(content), dtype={"artefact": str})
        if set(columns) <= set(read):
            return read
    return to_frame([], columns)


def _confidence(dataset_map: DatasetMap | None) -> Confidence | None:
    """Confidence (N,) at the paper's temperature, or at the nearest there is."""
    if dataset_map is None or not dataset_map.confidence:
        return None
    nearest = min(dataset_map.confidence, key=lambda tau: abs(np.log(tau / TAU)))
    return np.asarray(dataset_map.confidence[nearest], np.float32)


def _sample(images: EmbeddedImages, wanted: Indices) -> tuple[Indices, npt.NDArray[np.float32]]:
    """Indices (n,) of at most MOST images, and their features (n, D)."""
    if images.features is None:
        return np.empty(0, np.int64), np.empty((0, 1), np.float32)
    indices = projections.sample_indices(len(images.features), wanted, MOST)
    return indices, np.asarray(images.features[indices], np.float32)


def _projected(
    images: EmbeddedImages,
    indices: Indices,
    features: npt.NDArray[np.float32],
    earlier: pd.DataFrame,
) -> pd.DataFrame:
    same = np.array_equal(earlier.get("index", ()), indices)
    if same and (earlier["method"] == projections.METHOD).all():
        points = earlier[["x", "y"]].to_numpy(np.float64)
    else:
        points = projections.project(features)
    classes = images.classes(indices)
    shown = np.full(len(indices), UNKNOWN) if classes is None else classes
    columns = [indices, points[:, 0], points[:, 1], shown]
    return pd.DataFrame(dict(zip(COLUMNS, columns, strict=False))).assign(method=projections.METHOD)


def _cluster_figures(planes: pd.DataFrame, chosen: pd.DataFrame) -> Iterator[FigureSpec]:
    for (dataset, encoder), plane in planes.groupby(PLACE, sort=False):
        shown = _of_first(of_place(chosen[chosen["rounds"] == 1], plane.iloc[0]), ["learner"])
        method = plane["method"].iloc[0]
        yield FigureSpec(
            "clusters",
            f"{dataset}-{encoder}",
            f"Clusters, easy and hard picks on {dataset}, {encoder}",
            f"{len(plane):,} images of the pool in a plane by {method} of the frozen features, "
            "colored by cluster, with each cluster's easiest and hardest image to contrast; "
            f"beside it what strategies chose with {shown['labelled'].min()} labels (seed "
            f"{shown['seed'].min()}).",
            f"Scatter of the pool by {method} in {plane['cluster'].nunique()} clusters; positions "
            "and picks are in plane_clusters.csv, choices in chosen_images.csv.",
            "plane_clusters.csv, chosen_images.csv",
            partial(drawings.clusters, plane, shown),
        )


def _round_figures(planes: pd.DataFrame, chosen: pd.DataFrame) -> Iterator[FigureSpec]:
    for (dataset, encoder), plane in planes.groupby(PLACE, sort=False):
        shown = of_place(chosen[chosen["rounds"] > 1], plane.iloc[0])
        shown = _of_first(shown, ["learner", "initial", "rounds"])
        color = "colored by class" if (plane["class_index"] >= 0).any() else "gray"
        yield FigureSpec(
            "rounds",
            f"{dataset}-{encoder}",
            f"What was chosen round by round on {dataset}, {encoder}",
            f"{len(plane):,} images of the pool by {projections.METHOD} of the frozen features, "
            f"{color}; a row per query strategy after {shown['initial'].iloc[0]} as the start "
            f"(seed {shown['seed'].min()}), a column per round.",
            f"Scatter of the pool for {shown['strategy'].nunique()} query strategies by round; "
            "positions are in plane_rounds.csv, choices in chosen_images.csv.",
            "plane_rounds.csv, chosen_images.csv",
            partial(drawings.rounds, plane, shown),
        )


def _of_first(chosen: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Rows that have the first row's value of each of some columns."""
    for name in names:
        chosen = chosen[chosen[name] == chosen[name].iloc[0]]
    return chosen
