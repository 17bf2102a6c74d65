import numpy as np
import pandas as pd
import pytest

from analysis.sections.projections import cluster_plane, layout_of, plane_of
from analysis.study.embeddings import EmbeddedImages
from rayal.storage.dataset_images import StoredImages
from tests.analysis.made_up_runs import images_of

NONE = np.empty(0, int)


def blobs(seed=0, size=120):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, size)
    return (rng.normal(size=(size, 5)) + 8 * labels[:, None]).astype(np.float32), labels


def test_the_easy_and_hard_picks_are_the_ends_of_each_cluster(tmp_path):
    features, labels = blobs()
    confidence = np.random.default_rng(1).uniform(size=len(features))
    plane = cluster_plane(layout_of(images_of(tmp_path, features, labels), NONE), confidence)
    assert set(plane["method"]) == {"t-SNE"}
    for _, part in plane.groupby("cluster"):
        values = confidence[part["index"]]
        assert confidence[part.loc[part["pick"] == "easy", "index"]] == [values.max()]
        assert confidence[part.loc[part["pick"] == "hard", "index"]] == [values.min()]
    assert (plane["class_index"] == labels[plane["index"]]).all()


@pytest.mark.slow
def test_the_same_pool_gives_the_same_projection_and_an_earlier_one_is_kept(tmp_path):
    features, _ = blobs()
    pool = images_of(tmp_path, features)
    first = plane_of(layout_of(pool, NONE))
    again = plane_of(layout_of(pool, NONE))
    pd.testing.assert_frame_equal(first, again)
    moved = first.assign(x=first["x"] + 1)
    kept = plane_of(layout_of(pool, NONE, [moved]))
    assert (kept["x"] == moved["x"]).all()
    other = plane_of(layout_of(pool, NONE, [moved.assign(method="PCA")]))
    assert (other["x"] == first["x"]).all()


def test_images_that_are_all_alike_have_a_projection_too(tmp_path):
    pool = images_of(tmp_path, np.zeros((40, 4), np.float32))
    plane = cluster_plane(layout_of(pool, NONE), np.zeros(40))
    assert np.isfinite(plane[["x", "y"]]).all(axis=None)
    assert plane["cluster"].nunique() == 1


@pytest.mark.parametrize("size", [0, 3])
def test_a_pool_with_nothing_to_lay_out_has_no_projection(tmp_path, size):
    pool = images_of(tmp_path, np.zeros((size, 4), np.float32))
    absent = EmbeddedImages(tmp_path / "absent", "moco", StoredImages(tmp_path))
    assert plane_of(layout_of(pool, NONE)).empty
    assert plane_of(layout_of(absent, np.arange(3))).empty
