"""Clusters of the pool, and where in them first queries chose (HaCon, Figure 9 and its text).

The paper says that clusters of contrastive features are mostly of one class, that easy-to-contrast
images are often not of their cluster's, and that hard-to-contrast ones spread wider in it. Measured
for runs that have `hacon`, on at most MOST images of the pool, all first choices among them as far
as there is room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import PageTable, count, mean_std, name_columns, number, page_table
from analysis.processes import computed_beside
from analysis.sections.base import MadeLater, Report, Tables, non_empty, section
from analysis.statistics import clusters as measures
from analysis.statistics import intervals, projections
from analysis.study.embeddings import UNKNOWN, Indices, StoredEmbedding
from analysis.study.grouping import as_labels, groups, to_frame
from analysis.study.study import Study

MOST = 4000  # images that are clustered
AHEAD = 6  # pools that are begun at once: each holds a sample of its features until it is done
PLACE = ["dataset", "encoder", "artefact", "initial", "labelled"]
COLUMNS = [
    *PLACE, "n", "clusters", "purity", "nmi", "outside_majority_mean", "outside_majority_std",
    "spread_mean", "spread_std",
]  # fmt: skip
Rows: TypeAlias = list[dict[str, Any]]


class Sample(NamedTuple):
    """Images of a pool that are clustered.

    place: columns that tell the pool from others; features: (n, D); classes, indices: (n,).
    """

    place: dict[str, str]
    features: npt.NDArray[np.floating[Any]]
    classes: Indices
    indices: Indices


def tables(study: Study, _earlier: Tables) -> MadeLater:
    """Agreement of clusters with classes, and the first choices in them, of runs with hacon."""
    if "hacon" not in set(study.trials["initial"]):
        return dict
    to_begin = _rows_of_pools(study)
    begun = deque(islice(to_begin, AHEAD))

    def finish() -> Tables:
        rows: Rows = []
        while begun:
            rows += begun.popleft()()
            begun.extend(islice(to_begin, 1))
        return non_empty({"clusters_of_choices": to_frame(rows, COLUMNS)})

    return finish


def _rows_of_pools(study: Study) -> Iterator[Callable[[], Rows]]:
    """Begin the rows of each embedding that first choices were made from, when it is asked for."""
    trials = study.trials[["trial", "artefact"]].drop_duplicates()
    view = as_labels(study.rounds[study.rounds["round"] == 0]).merge(trials, on="trial")
    of_pools = (begin(pool, view[view["artefact"] == pool.key]) for pool in study.embeddings)
    return (rows for rows in of_pools if rows is not None)


@section("clusters", title="Clusters", heading="Clusters and first choices", order=107,
         begin_early=True, tables=tables)  # fmt: skip
def content(report: Report) -> Iterator[Block]:
    """One table, where there is one."""
    if "clusters_of_choices" in report.tables:
        yield _table(report.tables["clusters_of_choices"])


def begin(embedding: StoredEmbedding, queries: pd.DataFrame) -> Callable[[], Rows] | None:
    """Let another process compute the rows of first choices of one pool.

    None where there are no features or no choices, or where a class is not known.
    """
    features, queries = embedding.images.features, queries[queries["selected"].notna()]
    if features is None or queries.empty:
        return None
    wanted = np.unique(np.concatenate([np.asarray(q, np.int64) for q in queries["selected"]]))
    indices = projections.sample_indices(len(features), wanted, MOST)
    classes = embedding.images.classes(indices)
    if classes is None or (classes == UNKNOWN).any():
        return None
    sample = Sample(embedding.place, np.asarray(features[indices]), classes, indices)
    return computed_beside(rows_of, sample, queries[[*PLACE[3:], "selected"]])


def rows_of(pool: Sample, queries: pd.DataFrame) -> Rows:
    """Cluster a sample of a pool, and describe first queries (`selected`) that chose from it."""
    clusters = projections.k_means(pool.features)
    of_all = measures.agreement(clusters, pool.classes)
    rows = []
    for key, part in groups(queries, PLACE[3:]):
        chosen = [np.flatnonzero(np.isin(pool.indices, one)) for one in part["selected"]]
        of_choices = [
            measures.picks(pool.features, clusters, pool.classes, one) for one in chosen if len(one)
        ]
        if of_choices:
            outside, spread = (np.array(values) for values in zip(*of_choices, strict=True))
            rows.append({
                **pool.place,
                **key,
                "n": len(of_choices),
                "clusters": int(clusters.max()) + 1,
                **of_all._asdict(),
                "outside_majority_mean": intervals.mean(outside),
                "outside_majority_std": intervals.std(outside),
                "spread_mean": intervals.mean(spread),
                "spread_std": intervals.std(spread),
            })  # fmt: skip
    return rows


def _table(rows: pd.DataFrame) -> PageTable:
    return page_table(
        "Clusters of the features (K-means) and the first choices in them: purity, the share of "
        "images of their cluster's most frequent class; of the chosen, the share that is not of "
        "it, and the mean distance to the cluster's center over that of all its images",
        "clusters_of_choices.csv",
        rows,
        [*name_columns(rows, []), "initial"],
        [
            count("labeled", "labelled"),
            count("trials", "n"),
            count("clusters", "clusters"),
            number("purity", "purity", ".3f"),
            number("mutual information", "nmi", ".3f"),
            mean_std("not of the most frequent class", "outside_majority_mean",
                     "outside_majority_std", 3),
            mean_std("spread", "spread_mean", "spread_std", 2),
        ],
    )  # fmt: skip
