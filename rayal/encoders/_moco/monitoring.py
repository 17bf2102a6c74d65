"""Early numbers of a pre-training: whether the features learn to tell classes apart."""

from __future__ import annotations

import numpy as np
from torch import nn

from rayal.contracts import Split
from rayal.encoders._features.extraction import extract_features
from rayal.encoders._features.neighbors import leave_one_out_accuracy
from rayal.encoders._training.progress_reporter import ProgressReporter
from rayal.encoders._training.time_budget import TimeBudget
from rayal.label_arrays import is_multilabel

_IMAGES = 2000  # at most
_SHARE = 0.02  # of the training's time
_EVALUATIONS = 10  # over all epochs, at most


class KnnProbe:
    """Reports now and then how well a backbone's features tell the validation classes apart.

    Each of at most 2,000 labeled validation images asks its nearest among the others (online
    k-NN evaluation), where images have one class. No image of the pool and none of its labels is
    read, and nothing of the training changes.
    """

    def __init__(self, backbone: nn.Module, val: Split | None, reporter: ProgressReporter) -> None:
        self._backbone = backbone
        one_class = val is not None and not is_multilabel(val.labels)
        self._sample = _evenly_spaced(val) if val is not None and one_class else None
        self._reporter = reporter
        self._budget = TimeBudget(_SHARE)

    def evaluate(self, epoch: int, epochs: int) -> None:
        """Report after so many of all epochs, when it is time to."""
        is_turn = epoch % -(-epochs // _EVALUATIONS) == 0 and self._budget.allows_more()
        if self._sample is None or not (epoch == epochs or is_turn):
            return
        with self._budget.timed():
            training = self._backbone.training
            features = extract_features(self._backbone, self._sample.images)
            self._backbone.train(training)
            accuracy = leave_one_out_accuracy(features, self._sample.labels)
            self._reporter.add_metric("knn_accuracy", accuracy)


def _evenly_spaced(split: Split) -> Split:
    """Return at most 2,000 images, evenly spaced."""
    n = len(split.labels)
    rows = np.linspace(0, n - 1, min(_IMAGES, n)).astype(np.int64)
    return Split(split.images[rows], split.labels[rows])
