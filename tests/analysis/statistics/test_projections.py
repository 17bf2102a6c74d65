import numpy as np

from analysis.statistics.projections import sample_indices

MOST = 2000


def test_every_wanted_image_is_in_the_sample_and_none_twice():
    wanted = np.array([5, 5, 4999, 17])
    found = sample_indices(5000, wanted, MOST)
    assert len(found) == len(np.unique(found)) == MOST
    assert {5, 17, 4999} <= set(found)
    assert (sample_indices(5000, wanted, MOST) == found).all()
    assert len(sample_indices(100, wanted, MOST)) == 100


def test_more_wanted_images_than_room_are_sampled():
    assert len(sample_indices(9000, np.arange(4000), MOST)) == MOST
