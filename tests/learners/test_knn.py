import numpy as np

from rayal.contracts import UNLABELED, Task
from rayal.learners.knn import knn


def slow_twin(task: Task, k: int) -> np.ndarray:
    shares = np.zeros((len(task.test), task.num_classes))
    for row, image in enumerate(task.test):
        cosine = [
            image @ task.train[i] / np.linalg.norm(image) / np.linalg.norm(task.train[i])
            for i in task.labeled
        ]
        for i in np.argsort(cosine)[::-1][:k]:
            shares[row, task.labels[task.labeled[i]]] += 1 / min(k, len(task.labeled))
    return shares


def task() -> Task:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(80, 5)).astype(np.float32)
    labels = np.where(rng.random(80) < 0.4, rng.integers(3, size=80), UNLABELED)
    return Task(features, rng.normal(size=(30, 5)).astype(np.float32), labels, 3)


def test_shares_equal_those_of_the_slow_twin() -> None:
    for k in (1, 3, 7, 1000):
        found = knn(task(), np.random.default_rng(0), k=k).test
        np.testing.assert_allclose(found, slow_twin(task(), k), atol=1e-6)


def test_one_neighbour_gives_its_class_alone() -> None:
    probs = knn(task(), np.random.default_rng(0)).pool
    given = task()
    assert set(np.unique(probs)) == {0, 1}
    assert np.array_equal(probs[given.labeled].argmax(axis=1), given.labels[given.labeled])


def test_of_equal_neighbours_the_lowest_position_decides() -> None:
    features = np.array([[1, 0], [0, 1], [0, 2], [0, 1]], dtype=np.float32)
    copies = Task(features, features[3:], np.array([0, 1, 2, UNLABELED]), 3)
    assert knn(copies, np.random.default_rng(0)).test.tolist() == [[0, 1, 0]]


def test_neighbors_beside_a_long_common_part_are_those_of_exact_numbers() -> None:
    rng = np.random.default_rng(0)
    pool, test = ((4096 + rng.normal(size=(n, 64))).astype(np.float32) for n in (300, 900))
    given = Task(pool, test, np.where(np.arange(300) < 60, np.arange(300) % 3, UNLABELED), 3)
    unit, known = (each.astype(float) / np.linalg.norm(each.astype(float), axis=1)[:, None]
                   for each in (test, pool[:60]))  # fmt: skip
    nearest = ((unit[:, None] - known) ** 2).sum(axis=2).argmin(axis=1)
    found = knn(given, np.random.default_rng(0)).test.argmax(axis=1)
    assert (found == nearest % 3).mean() > 0.99
