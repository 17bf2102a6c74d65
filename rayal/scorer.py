"""A first query scored by a learner that was trained on the test set (HaCon, A.3).

Strategies that read predictions have none before the first label. HaCon's baselines borrow them
from a model that has seen the test set's labels; a sweep asks for this by name,
`scorer: trained-on-test-set`, as such a result is no fair one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rayal.contracts import Embedding, Features, Labels, Split, TrialData
from rayal.label_arrays import without_labels


def join_test_set(data: TrialData) -> tuple[TrialData, Labels]:
    """Return data whose pool is the test set, then the pool (M + N); and its labels (M + N,).

    The test set's images have their labels, the pool's none. Predictions, and whatever else needs
    a label, come of it. What an encoder makes of the pool alone, as its map, is left out.
    """
    pool, test = data.dataset.train, data.dataset.test
    embedding = data.embedding
    joined = TrialData(
        replace(
            data.dataset,
            train=Split(
                np.concatenate([test.images, pool.images]),
                np.concatenate([test.labels, pool.labels]),
            ),
            initial_pool=None,
        ),
        Embedding(
            train=np.concatenate([embedding.test, embedding.train]),
            test=embedding.test,
            weights=embedding.weights,
            views=None if embedding.views is None else _joined(embedding.test, embedding.views),
        ),
    )
    return joined, np.concatenate([test.labels, without_labels(pool.labels)])


def _joined(test: Features, views: Features) -> Features:
    """Put the unaugmented features of the test set before each view: (A, M + N, D)."""
    return np.stack([np.concatenate([test, view]) for view in views])
