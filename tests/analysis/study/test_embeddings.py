import numpy as np

from analysis.study.embeddings import EmbeddedImages
from rayal.storage.dataset_images import StoredImages
from tests.analysis.made_up_runs import images_of


def test_pictures_come_from_thumbnails_or_from_raw_pixels(tmp_path):
    features = np.random.default_rng(0).uniform(size=(6, 3 * 4 * 4)).astype(np.float32)
    wanted = np.array([4, 0])
    assert images_of(tmp_path, features).pictures(wanted) is None
    raw = images_of(tmp_path, features, encoder="pixels").pictures(wanted)
    assert raw.shape == (2, 4, 4, 3)
    assert (raw.reshape(2, -1) == (features[wanted] * 255).round()).all()
    np.save(tmp_path / "thumbnails.npy", np.full((6, 2, 2), 7, np.uint8))
    kept = EmbeddedImages(tmp_path, "pixels", StoredImages(tmp_path))
    assert kept.pictures(wanted).tolist() == [[[7, 7], [7, 7]]] * 2


def test_what_is_absent_damaged_or_beyond_the_artefact_is_none(tmp_path):
    pool = images_of(tmp_path, np.zeros((6, 5), np.float32), encoder="pixels")
    assert pool.classes(np.array([0])) is None
    assert pool.pictures(np.array([0])) is None  # five values are no square
    np.save(tmp_path / "labels.npy", np.arange(6))
    assert pool.classes(np.array([6])) is None
    assert pool.classes(np.array([5])).tolist() == [5]
    (tmp_path / "labels.npy").write_bytes(b"no array")
    assert pool.classes(np.array([0])) is None
