import numpy as np
import pytest
from sklearn.metrics import normalized_mutual_info_score

from analysis.statistics.clusters import agreement, picks

CLUSTERS = np.array([0, 0, 0, 0, 1, 1, 1])
CLASSES = np.array([2, 2, 2, 0, 1, 1, 2])
FEATURES = np.array([[0.0], [2.0], [4.0], [6.0], [10.0], [11.0], [15.0]])


def test_purity_is_the_share_of_the_most_frequent_class_of_each_cluster() -> None:
    found = agreement(CLUSTERS, CLASSES)
    assert found.purity == pytest.approx(5 / 7)
    assert found.nmi == pytest.approx(normalized_mutual_info_score(CLASSES, CLUSTERS))


def test_equal_partitions_agree_whatever_their_numbers() -> None:
    found = agreement(np.array([1, 1, 0, 2]), np.array([0, 0, 2, 1]))
    assert (found.purity, found.nmi) == (1, pytest.approx(1))


def test_picks_are_counted_outside_their_clusters_majority() -> None:
    assert picks(FEATURES, CLUSTERS, CLASSES, np.array([0, 3, 4, 6])).outside_majority == 0.5


def test_spread_is_the_distance_to_the_center_over_the_usual_one_of_the_cluster() -> None:
    # Centers 3 and 12; distances 3 1 1 3 (mean 2) and 2 1 3 (mean 2).
    found = picks(FEATURES, CLUSTERS, CLASSES, np.array([0, 3, 6]))
    assert found.spread == pytest.approx((3 / 2 + 3 / 2 + 3 / 2) / 3)
    whole = picks(FEATURES, CLUSTERS, CLASSES, np.arange(7))
    assert whole.spread == pytest.approx(1)


def test_a_cluster_of_equal_images_has_no_spread() -> None:
    same = np.zeros((4, 2))
    found = picks(same, np.zeros(4, np.int64), np.array([0, 0, 1, 0]), np.array([2]))
    assert found.outside_majority == 1
    assert np.isnan(found.spread)
