"""Pools laid out in a plane: clusters with easy and hard picks, and what cycles chose by round.

By t-SNE: the clusters of the features with the easiest and the hardest image of each (HaCon,
Fig. 9, there by UMAP), and the pool as cycles go on. Both of the frozen features, on at most MOST
images, every one that a strategy chose among them as far as there is room. Seeded: the same
embedding gives the same projection.
"""

from __future__ import annotations

import contextlib
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.figures import projections as drawings
from analysis.figures.spec import PLACE, FigureSpec, of_place
from analysis.page.blocks import Block
from analysis.processes import computed_beside
from analysis.sections.base import MadeLater, Report, Tables, non_empty, section
from analysis.statistics import projections
from analysis.study.embeddings import UNKNOWN, EmbeddedImages, Indices, StoredEmbedding
from analysis.study.grouping import to_frame
from analysis.study.study import Study
from rayal.contracts import DatasetMap
from rayal.storage.files import StoreError, files_of

NAMES = ("plane_clusters", "plane_rounds")
MOST = 2000  # images in a projection
LEAST = 10  # images without which there is nothing to lay out
MOST_POOLS = 6  # each takes many seconds
TAU = 0.05  # HaCon's temperature
COLUMNS = ["index", "x", "y", "class_index", "method"]
Confidence = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """Images of a pool that are being laid out in a plane.

    images: of the pool, N; indices: of those laid out (n,); points: gives their coordinates
    (n, 2), clusters: gives their clusters (n,).
    """

    images: EmbeddedImages
    indices: Indices
    points: Callable[[], npt.NDArray[np.float64]]
    clusters: Callable[[], Indices]


def tables(study: Study, earlier: Tables) -> MadeLater:
    """Projections of the pools that images were chosen from, which other processes compute."""
    if "chosen_images" not in earlier:
        return dict
    chosen, begun = earlier["chosen_images"], _Begun(study)
    single, cycles = chosen[chosen["rounds"] == 1], chosen[chosen["rounds"] > 1]
    mapped = [pool for pool in study.embeddings if pool.dataset_map is not None]
    clusters = begun.of_pools(mapped, single, clustered=True)
    rounds = begun.of_pools(study.embeddings, cycles)

    def finish() -> Tables:
        clustered = (cluster_plane(layout, _confidence(e.dataset_map)) for e, layout in clusters)
        planes = (plane_of(layout) for _, layout in rounds)
        both = _joined(clusters, clustered), _joined(rounds, planes)
        return non_empty(dict(zip(NAMES, both, strict=True)))

    return finish


def layout_of(
    images: EmbeddedImages,
    wanted: Indices,
    earlier: Iterable[pd.DataFrame] = (),
    begun: Iterable[Layout] = (),
    *,
    clustered: bool = False,
) -> Layout:
    """Begin to lay out at most MOST images of a pool, unless that was done.

    Args:
        images: of a pool of N.
        wanted: images (n,) that should be in it.
        earlier: planes of the same embedding, of reports before this one.
        begun: layouts of the same embedding, for this report.
        clustered: whether its clusters are begun too; else they are made when asked for.
    """
    indices, features = _sample(images, wanted)
    for layout in begun:
        if np.array_equal(layout.indices, indices):
            return layout
    if len(indices) < LEAST:
        return Layout(images, indices[:0], lambda: np.empty((0, 2)), lambda: indices[:0])
    begin = computed_beside if clustered else partial
    clusters = begin(projections.k_means, features)
    for plane in earlier:
        if np.array_equal(plane["index"], indices) and set(plane["method"]) == {projections.METHOD}:
            return Layout(images, indices, plane[["x", "y"]].to_numpy, clusters)
    return Layout(images, indices, computed_beside(projections.project, features), clusters)


def plane_of(layout: Layout) -> pd.DataFrame:
    """Return a pool's images (n,) in the plane. Columns index, x, y, class_index, method."""
    points, classes = layout.points(), layout.images.classes(layout.indices)
    shown = np.full(len(layout.indices), UNKNOWN) if classes is None else classes
    columns = [layout.indices, points[:, 0], points[:, 1], shown]
    plane = pd.DataFrame(dict(zip(COLUMNS, columns, strict=False)))
    return plane.assign(method=projections.METHOD)


def cluster_plane(layout: Layout, confidence: Confidence | None) -> pd.DataFrame:
    """Return a pool's plane with clusters; `pick` marks each one's easiest and hardest to contrast.

    Args:
        layout: of images (n,) of a pool of N.
        confidence: of the dataset map, (N,); None where there is none, and so no picks.

    Returns:
        Columns index, x, y, class_index, method, cluster, confidence, pick ("easy", "hard", "").
    """
    plane = plane_of(layout)
    plane["cluster"] = layout.clusters()
    plane["confidence"] = np.nan if confidence is None else confidence[layout.indices]
    plane["pick"] = ""
    if confidence is not None and len(plane):
        by_cluster = plane.groupby("cluster")["confidence"]
        plane.loc[by_cluster.idxmax(), "pick"] = "easy"
        plane.loc[by_cluster.idxmin(), "pick"] = "hard"
    return plane


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
    begin_early=True,
    tables=tables,
    figures=figures,
)
def content(report: Report) -> Iterator[Block]:
    """Clusters of single queries, rounds of cycles."""
    yield from report.gallery("clusters", "rounds")


class _Begun:
    """The layouts of a study, each begun once; those of an earlier report are not made again."""

    def __init__(self, study: Study) -> None:
        self._earlier = [_earlier(study, name) for name in NAMES]
        self._layouts: dict[str, list[Layout]] = defaultdict(list)

    def of_pools(
        self, pools: Iterable[StoredEmbedding], chosen: pd.DataFrame, *, clustered: bool = False
    ) -> list[tuple[StoredEmbedding, Layout]]:
        """Begin to lay out the first MOST_POOLS pools that images were chosen from."""
        used = [pool for pool in pools if pool.key in set(chosen["artefact"])]
        return [(pool, self._layout(pool, chosen, clustered)) for pool in used[:MOST_POOLS]]

    def _layout(self, pool: StoredEmbedding, chosen: pd.DataFrame, clustered: bool) -> Layout:
        wanted = chosen.loc[chosen["artefact"] == pool.key, "index"].to_numpy(np.int64)
        earlier = (table[table["artefact"] == pool.key] for table in self._earlier)
        begun = self._layouts[pool.key]
        layout = layout_of(pool.images, wanted, earlier, begun, clustered=clustered)
        begun.append(layout)
        return layout


def _joined(
    pools: Iterable[tuple[StoredEmbedding, Layout]], planes: Iterable[pd.DataFrame]
) -> pd.DataFrame:
    """Put the planes of pools one under another."""
    parts = [
        plane.assign(**pool.place)
        for (pool, _), plane in zip(pools, planes, strict=True)
        if len(plane)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


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
