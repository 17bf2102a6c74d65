"""A pool of shards as a dataset."""

import csv
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset
from rayal.registry import DATASETS, ENCODERS
from rayal.seeds import generator
from rayal.storage.shards import Batch, write_manifest, write_shard, write_shards

N, M, D = 50, 12, 4
RNG = np.random.default_rng(0)
MATRIX = RNG.standard_normal((N + M, D)).astype(np.float16)
IDS = [f"cell {i}" for i in range(N + M)]
NAMES = np.array(["a", "b", "c"])[np.arange(N + M) % 3]


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    """A pool in four shards, a test set in two, and a table of labels in another order."""
    write(tmp_path / "pool", slice(0, N), rows=15)
    write(tmp_path / "held out", slice(N, N + M), rows=7)
    table(tmp_path / "labels.csv", RNG.permutation(N + M))
    return tmp_path


def write(folder: Path, part: slice, rows: int) -> None:
    write_shards(folder, [Batch(IDS[part], MATRIX[part])], dtype="float16", rows_per_shard=rows)


def table(path: Path, rows: Any, **changed: str) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "source", "label"])
        writer.writerows(
            [IDS[i], "x", changed.get(IDS[i].replace(" ", ""), NAMES[i])] for i in rows
        )


def load(pool: Path, **changed: Any) -> Dataset:
    params = {"path": "pool", "test": "held out", "labels": "labels.csv"} | changed
    places = {k: str(pool / v) if isinstance(v, str) else v for k, v in params.items()}
    loaded: Dataset = DATASETS.find("shards").function(**places)
    return loaded


def test_rows_have_the_labels_of_their_ids_and_the_features_of_their_shards(pool: Path) -> None:
    data = load(pool)
    assert data.name == "pool"
    assert data.classes == ("a", "b", "c")
    assert np.array_equal(np.array(data.classes)[data.train.labels], NAMES[:N])
    assert np.array_equal(np.array(data.classes)[data.test.labels], NAMES[N:])
    assert list(data.train.files or ()) == IDS[:N]
    assert data.test.files is not None
    assert [data.test.files[i] for i in (0, 6, 7, -1)] == [IDS[i] for i in (N, N + 6, N + 7, -1)]
    encode = ENCODERS.find("features").function
    embedding = encode(data, generator("f"), lambda _: None, path=None)
    assert np.array_equal(embedding.train, MATRIX[:N].astype(np.float32))
    assert np.array_equal(embedding.test, MATRIX[N:].astype(np.float32))


def test_numbers_in_an_npy_are_labels_in_the_order_of_the_rows(pool: Path) -> None:
    numbers = np.arange(N + M) % 3
    np.save(pool / "train.npy", numbers[:N].astype(np.uint8))
    np.save(pool / "test.npy", numbers[N:])
    data = load(pool, labels="train.npy", test_labels="test.npy")
    assert data.classes == ("0", "1", "2")
    assert np.array_equal(data.train.labels, numbers[:N])
    assert data.content != load(pool).content  # its classes have other names
    named = load(pool, labels="train.npy", test_labels="test.npy", classes=("a", "b", "c"))
    assert named.content == load(pool).content


def test_what_is_sent_to_workers_holds_no_features(pool: Path) -> None:
    many = 4000
    ids = [f"row {i}" for i in range(many)]
    for name, value in (("many", 1), ("others", 2)):
        write_shards(pool / name, [Batch(ids, np.full((many, 200), value))])
    np.save(pool / "many.npy", np.zeros(many, np.int64))
    data = load(pool, path="many", labels="many.npy", test="others", test_labels="many.npy")
    assert len(pickle.dumps(data)) < 8 * 2 * many + 10_000  # labels of pool and test set
    assert pickle.loads(pickle.dumps(data)).content == data.content


def test_other_features_are_other_data(pool: Path) -> None:
    before = load(pool).content
    write_shards(pool / "other", [Batch(IDS[:N], MATRIX[:N] + np.float16(1))], dtype="float16")
    assert load(pool, path="other").content != before


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"path": "held"}, "path=.*has no shards.json"),
        ({"labels": "none.csv"}, "labels=.*no such file"),
    ],
)
def test_what_is_not_there_is_named(pool: Path, changed: dict[str, str], message: str) -> None:
    with pytest.raises(FileNotFoundError, match=message):
        load(pool, **changed)


def test_rows_without_a_certain_label_are_refused(pool: Path) -> None:
    table(pool / "short.csv", range(N - 2))
    with pytest.raises(ValueError, match=r"2 of 50 rows of .* have no label in it.*'cell 48'"):
        load(pool, labels="short.csv", test_labels="labels.csv")
    table(pool / "twice.csv", [0, *range(N + M)])
    with pytest.raises(ValueError, match="the id 'cell 0' stands in several rows"):
        load(pool, labels="twice.csv")
    table(pool / "blank.csv", range(N + M), cell3=" ")
    with pytest.raises(ValueError, match=r"1 of 50 rows have an empty label"):
        load(pool, labels="blank.csv")
    with pytest.raises(ValueError, match="the label 'c', which is no class: a, b"):
        load(pool, classes=("a", "b"))
    table(pool / "new.csv", range(N + M), cell60="d")
    with pytest.raises(ValueError, match="the label 'd', which is no class: a, b, c"):
        load(pool, labels="new.csv")
    np.save(pool / "few.npy", np.zeros(N - 1, np.int64))
    with pytest.raises(ValueError, match=r"shape \(49,\); whole numbers \(50,\) are needed"):
        load(pool, labels="few.npy", test_labels="labels.csv")
    with pytest.raises(ValueError, match="those of the pool alone: give test_labels"):
        load(pool, labels="few.npy")


def test_pool_and_test_set_are_of_one_encoder(pool: Path) -> None:
    write_shards(pool / "wide", [Batch(IDS[N:], np.ones((M, D + 1)))])
    with pytest.raises(ValueError, match=r"rows of 4 features and test=.* of 5"):
        load(pool, test="wide")


def test_an_imbalance_is_refused(pool: Path) -> None:
    with pytest.raises(ValueError, match="imbalance leaves images out, and pool comes as features"):
        load(pool, imbalance={"step": 0.5})


def test_labels_that_are_read_in_two_ways_are_refused(pool: Path) -> None:
    table(pool / "alike.csv", range(N + M), cell3="A")
    with pytest.raises(ValueError, match="the labels 'A' and 'a' look alike"):
        load(pool, labels="alike.csv")
    rows = [f"{name},{label},{label}" for name, label in zip(IDS, NAMES, strict=True)]
    (pool / "two.csv").write_text("\n".join(["id,label,label", *rows]))
    with pytest.raises(ValueError, match="it has 2 columns label; it has id, label, label"):
        load(pool, labels="two.csv")
    with pytest.raises(ValueError, match="held out is a folder; name a file"):
        load(pool, labels="held out")


def test_a_label_that_may_mean_none_is_said(pool: Path) -> None:
    table(pool / "none.csv", range(N + M), cell3="NaN")
    with pytest.warns(UserWarning, match="1 rows of .*pool have the label 'NaN'"):
        load(pool, labels="none.csv")


@pytest.mark.parametrize(
    ("stray", "message"),
    [(10**9, "row 7 has label 1000000000; at most 999,999"), (2**63, "9223372036854775808"),
     (5, "go up to 5, but no row has the label 3; name the classes")],
)  # fmt: skip
def test_a_stray_number_makes_no_classes(pool: Path, stray: int, message: str) -> None:
    numbers = (np.arange(N) % 3).astype(np.uint64)
    numbers[7] = stray
    np.save(pool / "train.npy", numbers)
    with pytest.raises(ValueError, match=message):
        load(pool, labels="train.npy", test_labels="labels.csv")


def test_rows_to_test_are_none_of_the_pool(pool: Path) -> None:
    with pytest.raises(ValueError, match=r"shard-00000 of .*pool holds rows of .*pool"):
        load(pool, test="pool")


def test_rows_of_the_pool_in_other_shards_are_none_to_test(pool: Path) -> None:
    write_shards(pool / "some", [Batch(IDS[20:30], MATRIX[20:30])], dtype="float16")
    for table_of_test in (None, "labels.csv"):
        with pytest.raises(ValueError, match=r"the row 'cell 20' of .*some is one of .*pool, with"):
            load(pool, test="some", test_labels=table_of_test)


def test_an_id_of_two_rows_has_no_certain_label(pool: Path) -> None:
    write_shards(pool / "same names", [Batch(IDS[:M], MATRIX[N:])], dtype="float16")
    with pytest.raises(ValueError, match=r"the id 'cell 0' is in both: give .* test_labels"):
        load(pool, test="same names")
    data = load(pool, test="same names", test_labels="labels.csv")
    assert np.array_equal(np.array(data.classes)[data.test.labels], NAMES[:M])
    ids = [*IDS[: N - 15], *IDS[:15]]
    names = [
        write_shard(
            pool / "twice", number, Batch(ids[start : start + 15], MATRIX[:N][start : start + 15])
        )
        for number, start in enumerate(range(0, N, 15))
    ]
    write_manifest(pool / "twice", names, {})  # which holds them not against each other
    with pytest.raises(ValueError, match=r"ids stand in several rows of .*twice"):
        load(pool, path="twice")


def test_numbers_of_the_test_set_are_the_labels_of_the_pool_s_table(pool: Path) -> None:
    """As text 10 stands before 2, so that numbers are no positions among a table's labels."""
    numbers = np.arange(N + M) % 12
    names = {name.replace(" ", ""): str(label) for name, label in zip(IDS, numbers, strict=True)}
    table(pool / "numbers.csv", range(N), **names)
    np.save(pool / "test.npy", numbers[N:])
    data = load(pool, labels="numbers.csv", test_labels="test.npy")
    assert [data.classes[label] for label in data.train.labels] == [str(n) for n in numbers[:N]]
    assert [data.classes[label] for label in data.test.labels] == [str(n) for n in numbers[N:]]
    with pytest.raises(ValueError, match="has the label '2', which is no class: a, b, c"):
        load(pool, test_labels="test.npy")
    named = load(pool, test_labels="test.npy", classes=[*"abcdefghijkl"])
    assert np.array_equal(named.test.labels, numbers[N:])
