"""Features in shards and their labels, for pools that no memory holds."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rayal.contracts import Dataset, Indices, Labels, Split, StoredFeatures, dataset
from rayal.datasets._files.lookalikes import lookalikes, means_missing, shown
from rayal.storage.files import StoreError, files_of
from rayal.storage.location import Address, Location, parse_location
from rayal.storage.shard_contents import ShardIds, feature_parts, map_features
from rayal.storage.shard_set import ShardSet, read_shard_set

COMPARED = 100  # rows whose features are compared where ids of pool and test set are the same
MOST_CLASSES = 10**6  # by numbers: a stray one would make as many names


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
    with columns `id` and `label`, in any order; ids that are no rows' are passed over. Rows of the
    pool that are in the test set too are refused, and so is one table for both where an id stands
    in both, as the paths of two folders may.

    Args:
        path: folder of the pool's shards, or s3:// or gs://BUCKET/PREFIX.
        labels: of the pool.
        test: folder of the test set's shards, of the same D.
        test_labels: left out: the table `labels` names the rows of both.
        classes: their names: in the order of the numbers of an .npy, else the labels of the table;
            left out: the numbers, or the labels of the pool, sorted as text; numbers in an .npy of
            the test set are then labels of that table.

    Raises:
        FileNotFoundError: there are no such shards or labels.
        ValueError: rows without a label or with two, classes that are not known or look alike, D
            that differ, rows in both.
    """
    pool, held_out = _shard_set("path", path), _shard_set("test", test)
    if pool.dims != held_out.dims:
        raise ValueError(
            f"path={path} has rows of {pool.dims} features and test={test} of {held_out.dims}; one "
            "encoder has to make both"
        )
    if test_labels is None and labels.endswith(".npy"):
        raise ValueError(f"labels={labels} has those of the pool alone: give test_labels, too")
    _check_apart(pool, held_out, labels if test_labels is None else None)
    train = _read_labels("labels", labels, pool)
    tested = _read_labels("test_labels", test_labels or labels, held_out)
    if classes is None and not isinstance(train, np.ndarray):
        tested = _as_text(tested)
    names = _class_names(train, tested, classes)
    return Dataset(
        _location(path).name,
        names,
        _split(pool, _numbers(train, names, labels)),
        _split(held_out, _numbers(tested, names, test_labels or labels)),
    )


def _check_apart(pool: ShardSet, held_out: ShardSet, table: str | None) -> None:
    """Refuse shards and rows in both; table: of the labels of both, in which an id is one row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    contents = {shard.content for shard in pool.shards}
    if shared := [shard.name for shard in held_out.shards if shard.content in contents]:
        raise ValueError(
            f"{shared[0]} of {held_out.root} holds rows of {pool.root}: what is tested on must not "
            "be learned from; give other shards to test"
        )
    tested = pa.chunked_array(list(ShardIds(held_out).columns())).combine_chunks()
    for number, ids in enumerate(ShardIds(pool).columns()):
        at = pc.index_in(ids, tested)
        if at.null_count == len(at):
            continue
        known = np.flatnonzero(at.is_valid())
        both = ids[int(known[0])].as_py()
        if _are_the_same(pool, number, known, held_out, np.asarray(at.drop_null())):
            raise ValueError(
                f"the row {both!r} of {held_out.root} is one of {pool.root}, with the same "
                "features: what is tested on must not be learned from; give other rows to test"
            )
        if table is not None:
            raise ValueError(
                f"labels={table} names the rows of {pool.root} and {held_out.root}, and the id "
                f"{both!r} is in both: give the others' table as test_labels"
            )
        return  # of ids that mean other rows one shard tells


def _are_the_same(
    pool: ShardSet, number: int, rows: Indices, held_out: ShardSet, tested: Indices
) -> bool:
    """Whether most of the rows of a shard that have an id of the test set's have its features, too.

    Args:
        pool: whose shard it is, by its number.
        number: of the shard.
        rows: (n,) positions in the shard.
        held_out: the test set.
        tested: (n,) the rows of the test set with these ids.
    """
    shard = next(each for each in held_out.shards if tested[0] < each.start + each.rows)
    inside = (tested >= shard.start) & (tested < shard.start + shard.rows)
    features = map_features(pool, pool.shards[number])[rows[inside][:COMPARED]]
    tested_features = map_features(held_out, shard)[tested[inside][:COMPARED] - shard.start]
    return bool(2 * (features == tested_features).all(axis=1).sum() > len(features))


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
    if isinstance(place, Path) and place.is_dir():
        raise ValueError(f"{parameter}={text} is a folder; name a file: .npy, CSV or Parquet")
    try:
        content = io.BytesIO(files_of(place).read(place))
    except FileNotFoundError:
        raise FileNotFoundError(f"{parameter}={text}: there is no such file") from None
    try:
        if place.name.endswith(".npy"):
            return _checked_numbers(np.load(content, allow_pickle=False), pool)
        return _by_id(_read_table(content, Path(place.name).suffix), pool)
    except (ValueError, EOFError, NotImplementedError) as error:  # the last: types Arrow lacks
        raise ValueError(f"{parameter}={text}: {error}") from error


def _checked_numbers(numbers: Any, pool: ShardSet) -> Labels:
    if numbers.shape != (pool.rows,) or numbers.dtype.kind not in "iu":
        raise ValueError(
            f"it holds {numbers.dtype} of shape {numbers.shape}; whole numbers ({pool.rows},) are "
            f"needed, one for each row of {pool.root}"
        )
    if numbers.min() < 0:
        raise ValueError(f"row {int(numbers.argmin())} has label {numbers.min()}; they begin at 0")
    if numbers.max() >= MOST_CLASSES:
        raise ValueError(
            f"row {int(numbers.argmax())} has label {numbers.max()}; at most {MOST_CLASSES - 1:,}"
        )
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
    for name in columns:
        if count := table.column_names.count(name) - 1:
            has = f"{count + 1} columns {name}" if count > 0 else f"no column {name}"
            raise ValueError(f"it has {has}; it has {', '.join(table.column_names)}")
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
    if pc.count_distinct(at).as_py() < pool.rows:
        raise ValueError(f"ids stand in several rows of {pool.root}: give each row one of its own")
    labels = table["label"].take(at)
    if blank := pc.sum(pc.equal(pc.utf8_trim_whitespace(labels.fill_null("")), "")).as_py():
        raise ValueError(f"{blank:,} of {pool.rows:,} rows have an empty label; give each a class")
    _check_names(labels, pool)
    return labels.combine_chunks()


def _check_names(labels: Any, pool: ShardSet) -> None:
    """Refuse labels that look alike; say which may mean that there is none."""
    counts = {each["values"].as_py(): each["counts"].as_py() for each in labels.value_counts()}
    if pair := lookalikes(sorted(counts)):
        raise ValueError(
            f"the labels {shown(pair[0])} and {shown(pair[1])} look alike; write them in one way "
            "if they are one label, or else rename one of them"
        )
    for name in filter(means_missing, sorted(counts)):
        warnings.warn(
            f"{counts[name]:,} rows of {pool.root} have the label '{name}', which is taken as a "
            "class like any other; leave these rows out if it says that there is none",
            stacklevel=2,
        )


def _as_text(labels: Any) -> Any:
    """Return numbers as labels of a table, which have an order of their own.

    A table's labels are sorted as text, by which 10 stands before 2.
    """
    import pyarrow as pa

    return pa.array(map(str, labels.tolist())) if isinstance(labels, np.ndarray) else labels


def _class_names(train: Any, tested: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        return tuple(given)
    if isinstance(train, np.ndarray):
        both = (train, tested) if isinstance(tested, np.ndarray) else (train,)
        occurring = np.unique(np.concatenate([np.unique(numbers) for numbers in both]))
        absent = np.flatnonzero(occurring != np.arange(len(occurring)))
        if len(absent):
            raise ValueError(
                f"labels go up to {occurring[-1]}, but no row has the label {absent[0]}; name the "
                "classes by the parameter 'classes' if this is meant"
            )
        return tuple(map(str, occurring.tolist()))
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
