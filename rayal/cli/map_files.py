"""A dataset map as people take it along: one table, and the figure beside it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rayal.cli.bundled_analysis import bundled_analysis
from rayal.contracts import UNLABELED, DatasetMap, Labels
from rayal.storage.atomic import temporary_beside, write_bytes


def write_table(path: Path, found: DatasetMap, labels: Labels) -> None:
    """Write one row per training image as Parquet, whole or not at all.

    Columns: index; label, where any is known (null where not); count of records; confidence_TAU
    and variability_TAU at each temperature; truth_confidence and truth_variability where the map
    by true labels was made.
    """
    columns: dict[str, Any] = {"index": np.arange(len(found.count))}
    unknown = labels == UNLABELED
    if not unknown.all():
        columns["label"] = pa.array(labels, mask=unknown)
    columns["count"] = found.count
    for tau, values in found.confidence.items():
        columns[f"confidence_{tau:g}"] = values
        columns[f"variability_{tau:g}"] = found.variability[tau]
    if found.truth is not None:
        columns["truth_confidence"], columns["truth_variability"] = found.truth
    with temporary_beside(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def write_figure(table: Path, found: DatasetMap) -> None:
    """Draw variability against confidence at each temperature, as SVG and PNG beside a table."""
    if not found.confidence:
        return
    with bundled_analysis():
        from analysis.figures import dataset_maps, style

        draw = partial(dataset_maps.dataset_map, found.confidence, found.variability)
        svg, png = style.as_files(draw)
    write_bytes(table.with_suffix(".svg"), svg.encode())
    write_bytes(table.with_suffix(".png"), png)
