"""Clusters of the pool, and where in them first queries chose (HaCon, Figure 9 and its text).

The paper says that clusters of contrastive features are mostly of one class, that easy-to-contrast
images are often not of their cluster's, and that hard-to-contrast ones spread wider in it. Measured
for runs that have `hacon`, on at most MOST images of the pool, all first choices among them as far
as there is room.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.blocks import Block
from analysis.page.table import PageTable, count, mean_std, name_columns, number, page_table
from analysis.sections.base import Report, Tables, non_empty, section
from analysis.statistics import clusters as measures
from analysis.statistics import intervals, projections
from analysis.study.embeddings import UNKNOWN, StoredEmbedding
from analysis.study.grouping import as_labels, groups, to_frame
from analysis.study.study import Study

MOST = 4000  # images that are clustered
PLACE = ["dataset", "encoder", "artefact", "initial", "labelled"]
COLUMNS = [
    *PLACE, "n", "clusters", "purity", "nmi", "outside_majority_mean", "outside_majority_std",
    "spread_mean", "spread_std",
]  # fmt: skip


def tables(study: Study, _earlier: Tables) -> Tables:
    """Agreement of clusters with classes, and the first choices in them, of runs with hacon."""
    if "hacon" not in set(study.trials["initial"]):
        return {}
    return non_empty({"clusters_of_choices": clusters_of_choices(study)})


def clusters_of_choices(study: Study) -> pd.DataFrame:
    """First choices by embedding, strategy and number of labels; mean and std over trials."""
    trials = study.trials[["trial", "artefact"]].drop_duplicates()
    view = as_labels(study.rounds[study.rounds["round"] == 0]).merge(trials, on="trial")
    rows = (
        row
        for embedding in study.embeddings
        for row in _of_embedding(embedding, view[view["artefact"] == embedding.key])
    )
    return to_frame(rows, COLUMNS)


@section("clusters", title="Clusters", heading="Clusters and first choices", order=107,
         tables=tables)  # fmt: skip
def content(report: Report) -> Iterator[Block]:
    """One table, where there is one."""
    if "clusters_of_choices" in report.tables:
        yield _table(report.tables["clusters_of_choices"])


def _of_embedding(embedding: StoredEmbedding, queries: pd.DataFrame) -> Iterator[dict[str, Any]]:
    features, queries = embedding.images.features, queries[queries["selected"].notna()]
    if features is None or queries.empty:
        return
    wanted = np.unique(np.concatenate([np.asarray(q, np.int64) for q in queries["selected"]]))
    indices = projections.sample_indices(len(features), wanted, MOST)
    classes = embedding.images.classes(indices)
    if classes is None or (classes == UNKNOWN).any():
        return
    sample = np.asarray(features[indices])
    clusters = projections.k_means(sample)
    of_all = measures.agreement(clusters, classes)
    for key, part in groups(queries, PLACE[3:]):
        chosen = [np.flatnonzero(np.isin(indices, one)) for one in part["selected"]]
        of_choices = [measures.picks(sample, clusters, classes, one) for one in chosen if len(one)]
        if of_choices:
            outside, spread = (np.array(values) for values in zip(*of_choices, strict=True))
            yield {
                **embedding.place,
                **key,
                "n": len(of_choices),
                "clusters": int(clusters.max()) + 1,
                **of_all._asdict(),
                "outside_majority_mean": intervals.mean(outside),
                "outside_majority_std": intervals.std(outside),
                "spread_mean": intervals.mean(spread),
                "spread_std": intervals.std(spread),
            }


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
