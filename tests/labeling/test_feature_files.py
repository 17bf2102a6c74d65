"""Files of features: each row has one name, and nothing of a file is passed over in silence."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rayal.labeling.errors import LabelingError
from rayal.labeling.feature_files import read_features
from tests.labeling.images import select

N = 12
IDS = [f"i{n:02}.png" for n in range(N)]
X = np.random.default_rng(0).normal(size=(N, 4)).astype(np.float32)


def npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "f.npz", **arrays)
    return folder / "f.npz"


def test_ids_of_bytes_are_read_as_text(tmp_path: Path) -> None:
    assert read_features(npz(tmp_path, features=X, ids=np.array(IDS, "S"))).ids == tuple(IDS)


@pytest.mark.parametrize(
    ("ids", "said"),
    [
        (np.arange(N) / 2, "of shape .12,. and type float64"),
        (np.array(IDS)[:, None], "of shape .12, 1."),
        (["", *IDS[1:]], "the id of row 1 is empty"),
        ([*IDS[:-1], " "], "the id of row 12 is empty"),
    ],
)
def test_ids_that_name_no_image_are_refused(tmp_path: Path, ids: Any, said: str) -> None:
    with pytest.raises(LabelingError, match=said):
        read_features(npz(tmp_path, features=X, ids=ids))


def test_two_arrays_of_features_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LabelingError, match="has features and embeddings: keep one of them"):
        read_features(npz(tmp_path, features=X, embeddings=X, ids=IDS))


def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", X)
    (tmp_path / "ids.txt").write_text("\n".join(IDS), "utf-8-sig")
    assert read_features(tmp_path / "f.npy", tmp_path / "ids.txt").ids == tuple(IDS)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:300])


def change(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[200] ^= 255
    path.write_bytes(content)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("damage", [cut, change, pipe, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_refused(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    path = npz(tmp_path, features=X, ids=IDS)
    damage(path)
    with pytest.raises(LabelingError, match=r"f\.npz (cannot be read as|is no file of) features"):
        read_features(path)


def test_a_pipe_of_ids_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "f.npy", X)
    os.mkfifo(tmp_path / "ids")
    with pytest.raises(LabelingError, match="it is a pipe"):
        read_features(tmp_path / "f.npy", tmp_path / "ids")


def test_columns_that_are_used_and_left_out_are_named(tmp_path: Path) -> None:
    columns = {"id": range(N), "path": IDS, "a": X[:, 0], "b": X[:, 1], "site": range(N)}
    pd.DataFrame(columns).to_parquet(tmp_path / "f.parquet")
    named = read_features(tmp_path / "f.parquet")
    assert named.features.shape == (N, 2)
    assert named.notes == (
        "images are named by 'id', not by 'path'",
        "the features are the 2 columns a, b",
        "columns that hold no decimal numbers are left out: path, site",
    )


def test_features_that_are_all_the_same_are_no_ground_for_a_choice(tmp_path: Path) -> None:
    path = npz(tmp_path, features=np.outer(np.arange(1, N + 1), np.ones(4)), ids=IDS)
    with pytest.raises(LabelingError, match=r"^strategy 'kmeans' chooses by features scaled to"):
        select(path, encoder=None, strategy={"name": "kmeans"}, out=tmp_path / "a")
    chosen = select(path, encoder=None, strategy={"name": "random"}, out=tmp_path / "b").round
    assert len(chosen.chosen) == 5


def test_images_with_equal_features_are_taken_in_an_order_drawn_by_the_seed(
    tmp_path: Path,
) -> None:
    path = npz(tmp_path, features=np.repeat(np.eye(2), N // 2, axis=0), ids=IDS)

    def chosen(seed: int) -> tuple[str, ...]:
        out = tmp_path / f"{seed}-{len(list(tmp_path.iterdir()))}"
        with pytest.warns(UserWarning, match="tell 2 of 12 images apart"):
            made = select(path, encoder=None, strategy={"name": "k_center"}, out=out, seed=seed)
        return made.round.ids

    assert chosen(0) == chosen(0) != chosen(1)
