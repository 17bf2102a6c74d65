"""Pools of features in shards."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rayal.storage.files import DamagedError, StoreError, files_of
from rayal.storage.location import Location
from rayal.storage.shard_set import is_shard_set, read_shard_set
from rayal.storage.shards import Batch, Dtype, write_shards

RNG = np.random.default_rng(0)
X = RNG.standard_normal((100, 6)).astype(np.float32)
P = RNG.dirichlet(np.ones(3), 100).astype(np.float32)
IDS = [f"cells/{i}.png" for i in range(100)]


def batches(sizes: list[int]) -> Iterator[Batch]:
    start = 0
    for n in sizes:
        rows = slice(start, start + n)
        yield Batch(IDS[rows], X[rows], P[rows], P[rows, 0])
        start += n


def test_rows_come_back_in_their_order_from_every_storage(root: Location) -> None:
    written = write_shards(root, batches([33, 1, 66]), rows_per_shard=40, about={"encoder": "x"})
    read = read_shard_set(root)
    assert read == written
    assert [shard.rows for shard in read.shards] == [40, 40, 20]
    assert [shard.start for shard in read.shards] == [0, 40, 80]
    assert (read.rows, read.dims, read.dtype, read.classes) == (100, 6, "float32", 3)
    assert read.has_scores
    assert read.about == {"encoder": "x"}
    assert [i for shard in read.shards for i in read.ids(shard)] == IDS
    for file, expected in (("features.npy", X), ("probs.npy", P), ("scores.npy", P[:, 0])):
        parts = [np.load(read.folder(shard) / file) for shard in read.shards]
        np.testing.assert_array_equal(np.concatenate(parts), expected)


def test_half_precision_takes_half_the_room(tmp_path: Path) -> None:
    read = write_shards(tmp_path, batches([100]), dtype="float16")
    stored = np.load(read.folder(read.shards[0]) / "features.npy")
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(stored, X.astype(np.float16))


def test_what_does_not_fit_half_precision_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"row 1 \(b\) goes up to 70000, which is no finite float"):
        write_shards(tmp_path, [Batch(["a", "b"], np.array([[1.0], [7e4]]))], dtype="float16")


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (Batch(["a", "a"], X[:2]), "the id 'a' stands in several rows"),
        (Batch(["a"], X[:2]), "1 ids for 2 rows"),
        (Batch(["a", "b"], np.array([[np.nan], [1]])), r"row 0 \(a\) goes up to nan"),
        (Batch(["a"], X[:1], probs=np.array([[np.inf, 0]])), "probs must be finite"),
        (
            Batch(["a", "b"], X[:2], P[:2] * 15),
            "2 of 2 rows are not.* sums to 15",
        ),
        (Batch(["a"], X[:1], np.array([[-0.5, 1.5]])), "1 of 1 rows are not, the first at 0"),
        (Batch(["a", "b"], X[:2], P[:2, 0]), r"probs must be \(n, C\), .* not float32 \(2,\)"),
        (Batch(["a"], X[:1], P[:1, :1]), "of at least two classes"),
        (Batch(["a", "b"], X[:2], scores=P[:2]), r"scores must be finite numbers \(n,\), not"),
        (Batch(["a"], X[:1], scores=np.array(["high"])), r"scores must be finite numbers \(n,\)"),
        (Batch(["a"], np.array([["x"]])), "features must be real numbers"),
        (Batch([1, "1"], X[:2]), "the id '1' stands in several rows"),  # type: ignore[list-item]
        (Batch(["a", "b"], X[:1]), "2 ids for 1 rows"),
        (Batch(["a"], X[0]), r"must be \(n, D\)"),
    ],
)
def test_rows_that_are_none_are_refused(tmp_path: Path, batch: Batch, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_shards(tmp_path, [batch], rows_per_shard=max(1, len(batch.features)))


@pytest.mark.parametrize(
    ("batch", "dtype", "message"),
    [
        (Batch(["a", "b"], X[:2] * 1e-9), "float16", r"row 0 \(a\) .* is all zeros in float16"),
        (Batch(["a"], X[:1].astype(float) * 1e-60), "float32", "is all zeros in float32"),
        (Batch(["a", "b"], X[:2] * [[1], [1e25]]), "float32", r"row 1 \(b\) .* overflow in 32"),
        (Batch(["a"], np.ma.masked_array(X[:1], True)), "float32", "features are masked"),
        (Batch(["a", None], X[:2]), "float32", "the id of row 1 is None; give text"),  # type: ignore[list-item]
        (Batch([float("nan")], X[:1]), "float32", "the id of row 0 is nan; give text"),  # type: ignore[list-item]
        (Batch([b"a"], X[:1]), "float32", "the id of row 0 is b'a'; give text"),  # type: ignore[list-item]
        (Batch(["a", ""], X[:2]), "float32", "the id of row 1 is empty"),
        (Batch(["\udce9"], X[:1]), "float32", "of row 0 is no text that UTF-8 can write"),
    ],
)
def test_what_would_be_lost_on_the_disk_is_refused(
    tmp_path: Path, batch: Batch, dtype: Dtype, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_shards(tmp_path, [batch], dtype=dtype)


def test_rows_of_zeros_are_rows(tmp_path: Path) -> None:
    assert write_shards(tmp_path, [Batch(["a", "b"], X[:2] * [[0], [1]])]).rows == 2


@pytest.mark.parametrize("rows", [2.5, "2", True, 0])
def test_rows_of_a_shard_are_a_whole_number(tmp_path: Path, rows: int) -> None:
    with pytest.raises(ValueError, match="it is a whole number of at least 1"):
        write_shards(tmp_path, batches([4]), rows_per_shard=rows)


@pytest.mark.parametrize("step", [1e-12, 1e300])
def test_scores_that_32_bits_do_not_tell_apart_are_told_apart(tmp_path: Path, step: float) -> None:
    scores = 1 + np.arange(6) * step
    read = write_shards(tmp_path, [Batch(IDS[:6], X[:6], scores=scores)])
    np.testing.assert_array_equal(np.load(read.folder(read.shards[0]) / "scores.npy"), scores)


def test_two_writers_at_once_do_not_mix_their_rows(tmp_path: Path) -> None:
    def meanwhile() -> Iterator[Batch]:
        yield Batch(["a"], X[:1])
        with pytest.raises(StoreError, match="is in use by"):
            write_shards(tmp_path, [Batch(["other"], X[1:2])])
        yield Batch(["b"], X[2:3])

    read = write_shards(tmp_path, meanwhile(), rows_per_shard=1)
    assert [name for shard in read.shards for name in read.ids(shard)] == ["a", "b"]


def test_no_rows_are_no_pool(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a pool has at least one"):
        write_shards(tmp_path, [])


def test_shards_of_different_width_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="shard-00001 has dims 5, and shard-00000 has 6"):
        write_shards(tmp_path, [Batch(["a"], X[:1]), Batch(["b"], X[:1, :5])], rows_per_shard=1)


@pytest.mark.parametrize("what", ["features", "probs"])
def test_batches_of_different_width_are_refused(tmp_path: Path, what: str) -> None:
    one, other = Batch(["a"], X[:1], P[:1]), Batch(["b"], X[1:2], P[1:2])
    wider = {"features": X[1:2, :5], "probs": np.array([[0.5, 0.5]])}[what]
    with pytest.raises(ValueError, match=rf"{what} of batches have different widths: rows of"):
        write_shards(tmp_path, [one, replace(other, **{what: wider})])


def test_an_id_in_two_shards_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [*IDS[:60], "cells/7.png", *IDS[61:]]
    twice = "the id 'cells/7.png' stands in shard-00000 and in shard-00003"
    with pytest.raises(ValueError, match=twice):
        write_shards(tmp_path, [Batch(ids, X)], rows_per_shard=20)
    assert not is_shard_set(tmp_path)
    monkeypatch.setattr("rayal.storage.repeated_ids._hash", lambda name: len(name))
    assert write_shards(tmp_path, [Batch(IDS, X)], rows_per_shard=20).rows == 100
    with pytest.raises(ValueError, match=twice):
        write_shards(tmp_path / "other", [Batch(ids, X)], rows_per_shard=20)


def test_shards_without_their_manifest_are_not_read_and_written_anew(tmp_path: Path) -> None:
    write_shards(tmp_path, batches([100]), rows_per_shard=10)
    (tmp_path / "shards.json").unlink()
    with pytest.raises(StoreError, match="not all written"):
        read_shard_set(tmp_path)
    assert not is_shard_set(tmp_path)
    again = write_shards(tmp_path, batches([50]), rows_per_shard=25)
    assert again.rows == 50
    assert {path.name for path in tmp_path.glob("shard-*")} == {"shard-00000", "shard-00001"}


def test_what_an_interruption_left_is_not_mixed_with_other_rows_on_any_storage(
    root: Location,
) -> None:
    write_shards(root, [Batch(IDS, X)], rows_per_shard=50)
    files_of(root).remove(root / "shards.json")
    others = [f"other {name}" for name in IDS]
    again = write_shards(root, [Batch(others, X + 1)], rows_per_shard=50)
    assert [name for shard in again.shards for name in again.ids(shard)] == others


def test_shards_are_not_written_over(tmp_path: Path) -> None:
    write_shards(tmp_path, batches([100]))
    with pytest.raises(StoreError, match="holds shards already"):
        write_shards(tmp_path, batches([100]))


def test_a_damaged_shard_is_refused(tmp_path: Path) -> None:
    read = write_shards(tmp_path, batches([100]), rows_per_shard=50)
    path = tmp_path / "shard-00001" / "features.npy"
    changed = path.read_bytes()[:-1] + b"\x00"
    path.write_bytes(changed)
    with pytest.raises(DamagedError, match=r"features\.npy is not what was written"):
        read.folder(read.shards[1])


def test_a_shard_of_another_pool_is_refused(tmp_path: Path) -> None:
    read = write_shards(tmp_path / "a", batches([100]))
    write_shards(tmp_path / "b", batches([50]))
    (tmp_path / "a" / "shard-00000").rename(tmp_path / "gone")
    (tmp_path / "b" / "shard-00000").rename(tmp_path / "a" / "shard-00000")
    with pytest.raises(DamagedError, match="another shard than"):
        read.folder(read.shards[0])


@pytest.mark.parametrize("change", [{"format": 2}, {"rows": 99}, {"dtype": "float8"}])
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    write_shards(tmp_path, batches([100]))
    said = json.loads((tmp_path / "shards.json").read_text())
    files_of(tmp_path).write(tmp_path / "shards.json", json.dumps(said | change).encode())
    with pytest.raises(DamagedError, match=r"shards\.json cannot be read"):
        read_shard_set(tmp_path)


def test_the_content_is_that_of_the_rows(tmp_path: Path) -> None:
    one, same, other = (
        write_shards(tmp_path / name, batches(sizes))
        for name, sizes in (("one", [100]), ("same", [50, 50]), ("other", [99]))
    )
    assert one.content == same.content
    assert one.content != other.content


@pytest.mark.parametrize("name", ["shard-00000", "shard-00007", "shard-of-mine"])
def test_a_folder_that_is_named_like_a_shard_loses_nothing(tmp_path: Path, name: str) -> None:
    own = tmp_path / name / "data.txt"
    own.parent.mkdir()
    own.write_text("precious")
    if name == "shard-of-mine":
        write_shards(tmp_path, [Batch(["a"], np.ones((1, 2)))])
    else:
        with pytest.raises(StoreError, match=f"{name} has the name of a shard .* data.txt"):
            write_shards(tmp_path, [Batch(["a"], np.ones((1, 2)))])
    assert own.read_text() == "precious"
