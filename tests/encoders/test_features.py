from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.contracts import Dataset, Embedding, Split
from rayal.registry import ENCODERS
from rayal.run.encoding import check_embedding
from rayal.seeds import generator

N, M, D = 5, 2, 3
MATRIX = np.arange((N + M) * D, dtype=np.float64).reshape(N + M, D)


def data() -> Dataset:
    train, test = (Split(np.zeros((n, 4, 4, 1), np.uint8), np.arange(n) % 2) for n in (N, M))
    return Dataset("blank", ("a", "b"), train, test)


def encode(**params: Any) -> Embedding:
    component = ENCODERS.find("features")
    bound = component.bind(params)
    component.traits.check(bound, N)
    found: Embedding = component.function(data(), generator("f"), lambda _: None, **bound)
    check_embedding("features", found, data())
    return found


def saved(path: Path, matrix: np.ndarray = MATRIX) -> str:
    np.save(path, matrix)
    return str(path)


def test_one_matrix_is_the_pool_and_then_the_test_set(tmp_path: Path) -> None:
    found = encode(path=saved(tmp_path / "f.npy"))
    assert np.array_equal(found.train, MATRIX[:N])
    assert np.array_equal(found.test, MATRIX[N:])
    assert found.train.dtype == np.float32


def test_an_npz_names_the_two(tmp_path: Path) -> None:
    np.savez(tmp_path / "f.npz", test=MATRIX[N:], train=MATRIX[:N])
    found = encode(path=str(tmp_path / "f.npz"))
    assert np.array_equal(found.train, MATRIX[:N])


def test_rows_in_another_order_are_put_right_by_their_ids(tmp_path: Path) -> None:
    names = np.array([*(f"train/{i}" for i in range(N)), *(f"test/{i}" for i in range(M))])
    order = np.random.default_rng(0).permutation(N + M)
    (tmp_path / "ids.txt").write_text("\n".join(names[order]))
    found = encode(path=saved(tmp_path / "f.npy", MATRIX[order]), ids=str(tmp_path / "ids.txt"))
    assert np.array_equal(found.train, MATRIX[:N])
    assert np.array_equal(found.test, MATRIX[N:])


def test_rows_are_named_by_the_paths_of_the_images(tmp_path: Path) -> None:
    files = [*(f"a cat/{i}.png" for i in range(N)), *(f"dog/{i}.png" for i in range(M))]
    plain = data()
    train = replace(plain.train, files=files[:N])
    named = replace(plain, train=train, test=replace(plain.test, files=files[N:]))
    order = np.random.default_rng(0).permutation(N + M)
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(files[row] for row in order))
    params = {"path": saved(tmp_path / "f.npy", MATRIX[order]), "ids": str(ids)}
    found = ENCODERS.find("features").function(named, generator("f"), lambda _: None, **params)
    assert np.array_equal(found.train, MATRIX[:N])
    assert np.array_equal(found.test, MATRIX[N:])
    ids.write_text("\n".join([*files[:-1], "dog/absent.png"]))
    with pytest.raises(ValueError, match=r"no row is dog/1\.png; .*: its path, such as a cat/0"):
        ENCODERS.find("features").function(named, generator("f"), lambda _: None, **params)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (MATRIX[0], r"shape \(3,\).* a row for each image"),
        (MATRIX.astype(str), "a matrix of numbers"),
        (MATRIX[:N], r"has 5 rows; give one for each of the 5 images"),
        (MATRIX[:-1], r"the dataset has 5 images in the pool and 2 to test"),
    ],
)
def test_what_is_no_row_for_each_image_is_refused(
    matrix: np.ndarray, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        encode(path=saved(tmp_path / "f.npy", matrix))


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ("train/0 train/1", "has 2 lines for the 7 rows"),
        ("train/0 train/1 train/2 train/3 train/3 test/0 test/1", "no row is train/4"),
        ("train/0\ntrain/1\ntrain/2\ntrain/3\nimage.png\ntest/0\ntest/1", "no row is train/4"),
    ],
)
def test_ids_that_leave_an_image_out_are_refused(ids: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text(ids)
    with pytest.raises(ValueError, match=message):
        encode(path=saved(tmp_path / "f.npy"), ids=str(tmp_path / "ids.txt"))


def test_a_file_that_is_absent_or_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no such file"):
        encode(path=str(tmp_path / "none.npy"))
    (tmp_path / "f.npy").write_text("1,2,3")
    with pytest.raises(ValueError, match=r"is no \.npy and no \.npz"):
        encode(path=str(tmp_path / "f.npy"))
    np.savez(tmp_path / "f.npz", a=MATRIX)
    with pytest.raises(ValueError, match="has the arrays a; name them train and test"):
        encode(path=str(tmp_path / "f.npz"))


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, train=MATRIX[:N], test=MATRIX[N:])
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    with pytest.raises(ValueError, match=r"is no \.npy and no \.npz of numbers"):
        encode(path=str(path))
    path.write_bytes(whole[:150] + bytes([whole[150] ^ 255]) + whole[151:])
    with pytest.raises(ValueError, match="the array 'train' is damaged"):
        encode(path=str(path))


def test_an_archive_that_is_packed_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    np.savez(path, test=MATRIX[N:], train=MATRIX[:N])
    content = bytearray(path.read_bytes())
    for start, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        for at in (i for i in range(len(content)) if content.startswith(start, i)):
            content[at + method] = 99
    path.write_bytes(content)
    with pytest.raises(ValueError, match="the array 'train' is damaged"):
        encode(path=str(path))


def test_the_matrix_is_part_of_what_results_depend_on(tmp_path: Path) -> None:
    path = saved(tmp_path / "f.npy")
    component = ENCODERS.find("features")
    assert component.files(component.bind({"path": path})) == {"path": Path(path)}


@pytest.mark.parametrize("with_ids", [False, True])
def test_numbers_of_16_bits_become_float32_and_stay_in_order(
    with_ids: bool, tmp_path: Path
) -> None:
    rows = MATRIX.astype(np.float16)
    np.save(tmp_path / "features.npy", rows)
    params = {"path": str(tmp_path / "features.npy")}
    if with_ids:
        names = [*(f"train/{i}" for i in range(N)), *(f"test/{i}" for i in range(M))]
        (tmp_path / "ids.txt").write_text("\n".join(names))
        params["ids"] = str(tmp_path / "ids.txt")
    embedding = encode(**params)
    assert embedding.train.dtype == embedding.test.dtype == np.float32
    assert np.array_equal(embedding.train, rows[:N].astype(np.float32))
    assert np.array_equal(embedding.test, rows[N:].astype(np.float32))


@pytest.mark.parametrize(
    ("matrix", "way"),
    [
        (MATRIX * 1e-3 + 1e6, "subtract its mean"),
        (MATRIX.astype(np.int64) + 2**53, "subtract its mean"),
        (MATRIX * 1e-300, "scale it"),
    ],
    ids=["offset", "integers", "tiny"],
)
def test_numbers_that_32_bits_do_not_tell_apart_are_refused(
    matrix: np.ndarray, way: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=rf"column 0 varies by .*cannot tell apart: {way}"):
        encode(path=saved(tmp_path / "f.npy", matrix))


def test_a_column_that_hardly_varies_beside_the_others_is_taken(tmp_path: Path) -> None:
    matrix = MATRIX.copy()
    matrix[:, 1] = 0.3 + 1e-12 * MATRIX[:, 1]
    assert encode(path=saved(tmp_path / "f.npy", matrix)).train[0, 1] == np.float32(0.3)
