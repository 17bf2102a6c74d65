import numpy as np

from rayal.labeling.suspects import suspects
from tests.labeling.made_up_labels import clusters, labeled


def test_wrong_labels_among_their_neighbors_are_suspected():
    points, truth = clusters(300, spread=0.3)
    pool = labeled(points, truth, range(80))
    wrong = [3, 17, 40]
    pool.labels[wrong] = (truth[wrong] + 1) % 4
    found = suspects(pool, np.random.default_rng(0))
    assert {one.row for one in found} == set(wrong)
    for one in found:
        assert one.instead == f"class {truth[one.row]}"
        assert one.label == f"class {(truth[one.row] + 1) % 4}"
        assert one.agreeing > one.neighbors / 2
    assert [one.probability for one in found] == sorted(one.probability for one in found)


def test_true_labels_and_few_labels_are_not():
    points, truth = clusters(300, spread=0.3)
    assert suspects(labeled(points, truth, range(80)), np.random.default_rng(0)) == []
    assert suspects(labeled(points, truth, range(4)), np.random.default_rng(0)) == []
