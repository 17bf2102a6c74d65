"""The dataset map as columns: the one layout, of the file in an artifact and of tables for people.

    index               of the training image
    count               records of it
    confidence@TAU      mean, and
    variability@TAU     standard deviation of the confidence at each temperature
    truth_confidence    the same by true labels,
    truth_variability   where the map by true labels was made

Tables for people call them confidence_TAU and variability_TAU, and may have a column `label`.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayal.contracts import DatasetMap, Labels
from rayal.label_arrays import has_label, is_multilabel
from rayal.storage.atomic import temporary_beside

_TRUTH = ("truth_confidence", "truth_variability")


def to_columns(dataset_map: DatasetMap, separator: str = "@") -> dict[str, npt.NDArray[Any]]:
    """Return the map as columns (N,) by name."""
    columns: dict[str, npt.NDArray[Any]] = {
        "index": np.arange(len(dataset_map.count)),
        "count": np.asarray(dataset_map.count),
    }
    for tau, values in dataset_map.confidence.items():
        columns[f"confidence{separator}{tau:g}"] = values
        columns[f"variability{separator}{tau:g}"] = dataset_map.variability[tau]
    if dataset_map.truth is not None:
        columns |= dict(zip(_TRUTH, dataset_map.truth, strict=True))
    return columns


def from_columns(columns: Mapping[str, npt.NDArray[Any]]) -> DatasetMap:
    """Return the map of columns (N,) that `to_columns` gave; one without any number is absent."""
    taus = [tau for tau in temperatures(columns) if _is_known(columns[f"confidence@{tau:g}"])]
    has_truth = _TRUTH[0] in columns and _is_known(columns[_TRUTH[0]])
    return DatasetMap(
        confidence={tau: columns[f"confidence@{tau:g}"] for tau in taus},
        variability={tau: columns[f"variability@{tau:g}"] for tau in taus},
        count=columns["count"],
        truth=(columns[_TRUTH[0]], columns[_TRUTH[1]]) if has_truth else None,
    )


def temperatures(names: Iterable[str]) -> list[float]:
    """Return the temperatures that columns of these names hold, in order."""
    return [float(name.split("@")[1]) for name in names if name.startswith("confidence@")]


def write(path: Path, dataset_map: DatasetMap) -> None:
    """Write the map of an artifact as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(dict(to_columns(dataset_map))), path)


def read(source: Path | io.BytesIO) -> DatasetMap:
    """Read what `write` wrote."""
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    return from_columns({name: table.column(name).to_numpy() for name in table.column_names})


def write_table(path: Path, dataset_map: DatasetMap, labels: Labels) -> None:
    """Write a table for people as Parquet, completely or not at all.

    Args:
        path: of the table.
        dataset_map: of N images.
        labels: (N,), null in the column `label` where unknown; no column where all are. Of several
            classes an image (N, C): the column `labels` has lists of those it is known to have.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = dict(to_columns(dataset_map, separator="_"))
    unknown = ~has_label(labels)
    if not unknown.all():
        if is_multilabel(labels):
            own = [
                None if none else np.flatnonzero(row == 1)
                for row, none in zip(labels, unknown, strict=True)
            ]
            column = {"labels": pa.array(own, pa.list_(pa.int64()))}
        else:
            column = {"label": pa.array(labels, mask=unknown)}
        columns = {"index": columns.pop("index"), **column, **columns}
    with temporary_beside(path) as temporary:
        pq.write_table(pa.table(columns), temporary)


def _is_known(values: npt.NDArray[Any]) -> bool:
    return len(values) == 0 or not bool(np.isnan(values).all())
