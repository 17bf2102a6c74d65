import numpy as np
import pandas as pd
import pytest

from analysis import planes
from analysis.study.stored_images import Pool
from rayal.storage.dataset_images import StoredImages

NOTHING = pd.DataFrame(columns=planes.COLUMNS)


@pytest.fixture
def no_umap(monkeypatch):
    monkeypatch.setattr(planes, "_has_umap", lambda: False)


def pool_of(folder, features, labels=None, encoder="moco"):
    np.save(folder / "train.npy", features)
    if labels is not None:
        np.save(folder / "labels.npy", labels)
    return Pool(folder, encoder, StoredImages(folder))


def blobs(seed=0, size=120):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size)
    return (rng.normal(size=(size, 5)) + 8 * labels[:, None]).astype(np.float32), labels


def test_every_wanted_image_is_in_the_sample_and_none_twice():
    wanted = np.array([5, 5, 4999, 17])
    found = planes.sample(5000, wanted)
    assert len(found) == len(np.unique(found)) == planes.MOST
    assert {5, 17, 4999} <= set(found)
    assert (planes.sample(5000, wanted) == found).all()
    assert len(planes.sample(100, wanted)) == 100


def test_more_wanted_images_than_room_are_sampled():
    assert len(planes.sample(9000, np.arange(4000))) == planes.MOST


def test_the_easy_and_hard_picks_are_the_ends_of_each_cluster(tmp_path, no_umap):
    features, labels = blobs()
    confidence = np.random.default_rng(1).uniform(size=len(features))
    found = planes.cluster_plane(pool_of(tmp_path, features, labels), np.empty(0, int),
                                 confidence, NOTHING)  # fmt: skip
    assert set(found["method"]) == {"PCA"}
    for _, part in found.groupby("cluster"):
        values = confidence[part["index"]]
        assert confidence[part.loc[part["pick"] == "easy", "index"]] == [values.max()]
        assert confidence[part.loc[part["pick"] == "hard", "index"]] == [values.min()]
    assert (found["class_index"] == labels[found["index"]]).all()


def test_the_same_pool_gives_the_same_plane_and_an_earlier_one_is_kept(tmp_path):
    features, _ = blobs()
    pool = pool_of(tmp_path, features)
    first = planes.round_plane(pool, np.empty(0, int), NOTHING)
    again = planes.round_plane(pool, np.empty(0, int), NOTHING)
    pd.testing.assert_frame_equal(first, again)
    moved = first.assign(x=first["x"] + 1)
    kept = planes.round_plane(pool, np.empty(0, int), moved)
    assert (kept["x"] == moved["x"]).all()
    other = planes.round_plane(pool, np.empty(0, int), moved.assign(method="PCA"))
    assert (other["x"] == first["x"]).all()


def test_images_that_are_all_alike_have_a_plane_too(tmp_path, no_umap):
    pool = pool_of(tmp_path, np.zeros((40, 4), np.float32))
    found = planes.cluster_plane(pool, np.empty(0, int), np.zeros(40), NOTHING)
    assert np.isfinite(found[["x", "y"]]).all(axis=None)
    assert found["cluster"].nunique() == 1


@pytest.mark.parametrize("size", [0, 3])
def test_a_pool_with_nothing_to_lay_out_has_no_plane(tmp_path, size):
    pool = pool_of(tmp_path, np.zeros((size, 4), np.float32))
    assert planes.round_plane(pool, np.empty(0, int), NOTHING).empty
    assert planes.round_plane(
        Pool(tmp_path / "absent", "moco", StoredImages(tmp_path)), np.arange(3), NOTHING
    ).empty


def test_pictures_come_from_thumbnails_or_from_raw_pixels(tmp_path):
    features = np.random.default_rng(0).uniform(size=(6, 3 * 4 * 4)).astype(np.float32)
    wanted = np.array([4, 0])
    assert pool_of(tmp_path, features).pictures(wanted) is None
    raw = pool_of(tmp_path, features, encoder="pixels").pictures(wanted)
    assert raw.shape == (2, 4, 4, 3)
    assert (raw.reshape(2, -1) == (features[wanted] * 255).round()).all()
    np.save(tmp_path / "thumbnails.npy", np.full((6, 2, 2), 7, np.uint8))
    assert (
        Pool(tmp_path, "pixels", StoredImages(tmp_path)).pictures(wanted).tolist()
        == [[[7, 7], [7, 7]]] * 2
    )


def test_what_is_absent_damaged_or_beyond_the_artefact_is_none(tmp_path):
    pool = pool_of(tmp_path, np.zeros((6, 5), np.float32), encoder="pixels")
    assert pool.classes(np.array([0])) is None
    assert pool.pictures(np.array([0])) is None  # five values are no square
    np.save(tmp_path / "labels.npy", np.arange(6))
    assert pool.classes(np.array([6])) is None
    assert pool.classes(np.array([5])).tolist() == [5]
    (tmp_path / "labels.npy").write_bytes(b"no array")
    assert pool.classes(np.array([0])) is None
