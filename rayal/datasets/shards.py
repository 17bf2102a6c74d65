"""Features in shards and their labels, for pools that no memory holds."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Dataset, Labels, Split, StoredFeatures, dataset
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address, Location, parse_location
from rayal.storage.shard_contents import ShardIds, feature_parts
from rayal.storage.shards import ShardSet, read_shard_set


@dataset()
def shards(
    *,
    path: str,
    labels: str,
    test: str,
    test_labels: str | None = None,
    classes: Sequence[str] | None = None,
) -> Dataset:
    """Load shards of features as `rayal encode --shards` writes them; named after the folder.

    There are no images: the encoder is `{name: features}` without a path, and strategies and
    learners that read pixels are refused. Beside the ids and labels nothing is held in memory; the
    encoder writes the features once as one matrix of float32 into the run, which trials map.

    Labels are an .npy of whole numbers from 0, one for each row in order, or a CSV or Parquet file
    with columns `id` and `label`, in any order; ids that are no rows' are passed over.

    Args:
        path: folder of the pool's shards, or s3:// or gs://BUCKET/PREFIX.
        labels: of the pool.
        test: folder of the test set's shards, of the same D.
        test_labels: left out: the table `labels` names the rows of both.
        classes: their names: in the order of the numbers of an .npy, else the labels of the table;
            left out: the numbers, or the labels of the pool, sorted.

    Raises:
        FileNotFoundError: there are no such shards or labels.
        ValueError: rows without a label or with two, classes that are not known, D that differ.
    """
    pool, held_out = _shard_set("path", path), _shard_set("test", test)
    if pool.dims != held_out.dims:
        raise ValueError(
            f"path={path} has rows of {pool.dims} features and test={test} of {held_out.dims}; one "
            "encoder has to make both"
        )
    if test_labels is None and labels.endswith(".npy"):
        raise ValueError(f"labels={labels} has those of the pool alone: give test_labels, too")
    train = _read_labels("labels", labels, pool)
    tested = _read_labels("test_labels", test_labels or labels, held_out)
    names = _class_names(train, tested, classes)
    return Dataset(
        _location(path).name,
        names,
        _split(pool, _numbers(train, names, labels)),
        _split(held_out, _numbers(tested, names, test_labels or labels)),
    )


def _location(text: str) -> Location:
    place = parse_location(text)
    return place if isinstance(place, Address) else place.expanduser().resolve()


def _shard_set(parameter: str, text: str) -> ShardSet:
    try:
        return read_shard_set(_location(text))
    except StoreError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise FileNotFoundError(f"{parameter}={text}: {error}") from error
        raise ValueError(f"{parameter}={text}: {error}") from error


def _split(pool: ShardSet, labels: Labels) -> Split:
    pixels = np.empty((pool.rows, 0, 0, 0), np.uint8)
    features = StoredFeatures(pool.content, partial(feature_parts, pool))
    return Split(pixels, labels, ShardIds(pool), features)


def _read_labels(parameter: str, text: str, pool: ShardSet) -> Any:
    """Return the label of each row, in order: numbers (n,) or a column of text.

    Raises:
        FileNotFoundError, ValueError: as `shards` does.
    """
    place = _location(text)
    try:
        content = io.BytesIO(files_of(place).read(place))
    except FileNotFoundError:
        raise FileNotFoundError(f"{parameter}={text}: there is no such file") from None
    try:
        if place.name.endswith(".npy"):
            return _checked_numbers(np.load(content, allow_pickle=False), pool)
        return _by_id(_read_table(content, Path(place.name).suffix), pool)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{parameter}={text}: {error}") from error


def _checked_numbers(numbers: Any, pool: ShardSet) -> Labels:
    if numbers.shape != (pool.rows,) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"it holds {numbers.dtype} of shape {numbers.shape}; whole numbers ({pool.rows},) are "
            f"needed, one for each row of {pool.root}"
        )
    if numbers.min() < 0:
        raise ValueError(f"row {int(numbers.argmin())} has label {numbers.min()}; they begin at 0")
    return np.asarray(numbers, dtype=np.int64)


def _read_table(content: io.BytesIO, suffix: str) -> Any:
    """Return a table of Arrow with the columns id and label, both of text."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    columns = {"id": pa.string(), "label": pa.string()}
    if suffix == ".parquet":
        table = pa.parquet.read_table(content)
    else:
        kinds = pa.csv.ConvertOptions(column_types=columns, strings_can_be_null=False)
        table = pa.csv.read_csv(content, convert_options=kinds)
    missing = columns.keys() - set(table.column_names)
    if missing:
        raise ValueError(f"it has no column {min(missing)}, but {', '.join(table.column_names)}")
    return table.select(list(columns)).cast(pa.schema(columns))


def _by_id(table: Any, pool: ShardSet) -> Any:
    """Return the label of each row of the shards, by its id."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = table["id"].combine_chunks()
    if len(pc.unique(names)) < len(names):
        counts = pc.value_counts(names)
        twice = next(each for each in counts if each["counts"].as_py() > 1)["values"]
        raise ValueError(f"the id {twice.as_py()!r} stands in several rows; name each once")
    at = pa.chunked_array([pc.index_in(ids, names) for ids in ShardIds(pool).columns()])
    if at.null_count:
        first = ShardIds(pool)[pc.index(at.is_null(), True).as_py()]
        raise ValueError(
            f"{at.null_count:,} of {pool.rows:,} rows of {pool.root} have no label in it, the "
            f"first of them {first!r}"
        )
    labels = table["label"].take(at)
    if blank := pc.sum(pc.equal(pc.utf8_trim_whitespace(labels.fill_null("")), "")).as_py():
        raise ValueError(f"{blank:,} of {pool.rows:,} rows have an empty label; give each a class")
    return labels.combine_chunks()


def _class_names(train: Any, tested: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        return tuple(given)
    if isinstance(train, np.ndarray):
        largest = max(train.max(), tested.max() if isinstance(tested, np.ndarray) else 0)
        return tuple(map(str, range(int(largest) + 1)))
    return tuple(sorted(train.unique().to_pylist()))


def _numbers(labels: Any, names: Sequence[str], text: str) -> Labels:
    """Return the number (n,) of each row's class.

    Raises:
        ValueError: it is no class.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(labels, np.ndarray):
        if labels.max() >= len(names):
            raise ValueError(f"{text} has the label {labels.max()}, and there are {len(names)}")
        return labels
    numbers = pc.index_in(labels, pa.array(names, pa.string()))
    if numbers.null_count:
        unknown = labels[pc.index(numbers.is_null(), True).as_py()].as_py()
        raise ValueError(
            f"{text} has the label {unknown!r}, which is no class: {', '.join(names[:20])}"
        )
    return np.asarray(numbers.to_numpy(zero_copy_only=False), dtype=np.int64)
