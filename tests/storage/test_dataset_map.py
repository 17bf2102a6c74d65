from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rayal.contracts import UNLABELED, DatasetMap
from rayal.storage import dataset_map


def made_up(taus: tuple[float, ...] = (0.2, 0.001), *, truth: bool = True) -> DatasetMap:
    rng = np.random.default_rng(1)
    table = {tau: rng.random(6, dtype=np.float32) for tau in taus}
    by_truth = (rng.random(6, dtype=np.float32), rng.random(6, dtype=np.float32))
    return DatasetMap(table, table, np.arange(6), by_truth if truth else None)


@pytest.mark.parametrize("taus", [(), (0.2, 0.001)])
def test_a_map_by_ground_truth_comes_back_alone_and_beside_others(
    tmp_path: Path, taus: tuple[float, ...]
) -> None:
    before = made_up(taus)
    dataset_map.write(tmp_path / "map.parquet", before)
    after = dataset_map.read(tmp_path / "map.parquet")
    assert list(after.confidence) == list(taus)
    assert after.truth is not None
    assert before.truth is not None
    for found, expected in zip(after.truth, before.truth, strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == np.float32
    assert pq.read_schema(tmp_path / "map.parquet").names[-2:] == [
        "truth_confidence", "truth_variability",
    ]  # fmt: skip


def test_the_file_of_an_artifact_and_the_table_for_people_have_the_same_columns(
    tmp_path: Path,
) -> None:
    labels = np.array([0, 1, UNLABELED, 1, 0, 2])
    dataset_map.write(tmp_path / "map.parquet", made_up((0.05,)))
    dataset_map.write_table(tmp_path / "table.parquet", made_up((0.05,)), labels)
    assert pq.read_schema(tmp_path / "map.parquet").names == [
        "index", "count", "confidence@0.05", "variability@0.05", "truth_confidence",
        "truth_variability",
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.column_names == [
        "index", "label", "count", "confidence_0.05", "variability_0.05", "truth_confidence",
        "truth_variability",
    ]  # fmt: skip
    assert table.column("label").to_pylist() == [0, 1, None, 1, 0, 2]


def test_a_table_lists_the_classes_of_each_image_where_it_may_have_several(tmp_path: Path) -> None:
    labels = np.array([[1, 0, 1], [0, 0, 0], [-1, -1, -1], [-1, 1, 0], [0, 0, 1], [1, 1, 1]])
    dataset_map.write_table(tmp_path / "table.parquet", made_up((0.05,)), labels)
    table = pq.read_table(tmp_path / "table.parquet")
    assert table.column("labels").to_pylist() == [[0, 2], [], None, [1], [2], [0, 1, 2]]


def test_columns_without_any_number_are_no_part_of_a_map() -> None:
    columns = dataset_map.to_columns(made_up())
    columns["confidence@0.2"] = np.full(6, np.nan)
    columns["truth_confidence"] = np.full(6, np.nan)
    found = dataset_map.from_columns(columns)
    assert list(found.confidence) == list(found.variability) == [0.001]
    assert found.truth is None
