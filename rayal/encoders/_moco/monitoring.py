"""Early numbers of a pre-training: whether the features learn to tell classes apart."""

from __future__ import annotations

import numpy as np
from torch import nn

from rayal.contracts import Split
from rayal.encoders._features import extraction
from rayal.encoders._features import neighbors as neighbours
from rayal.encoders._training.progress import Pace
from rayal.encoders._training.time_budget import Sparing

_IMAGES = 2000  # looked at, at most
_SHARE = 0.02  # of the training's time
_LOOKS = 10  # over all epochs, at most


class EarlyAccuracy:
    """Reports now and then how well a backbone's features tell the validation classes apart.

    Each of at most 2,000 labelled validation images asks its nearest among the others. No image
    of the pool and none of its labels is read, and nothing of the training changes.
    """

    def __init__(self, backbone: nn.Module, val: Split | None, pace: Pace) -> None:
        self._backbone = backbone
        self._some = None if val is None else _evenly(val)
        self._pace = pace
        self._sparing = Sparing(_SHARE)

    def look(self, epochs: int, of: int) -> None:
        """Report after so many `of` all epochs, when it is time to."""
        due = epochs == of or (epochs % -(-of // _LOOKS) == 0 and self._sparing.is_due())
        if self._some is None or not due:
            return
        with self._sparing.timed():
            training = self._backbone.training
            found = extraction.features(self._backbone, self._some.images)
            self._backbone.train(training)
            self._pace.add("knn_accuracy", neighbours.accuracy_among(found, self._some.labels))


def _evenly(split: Split) -> Split:
    """Take every so many-th image."""
    rows = np.linspace(0, len(split.labels) - 1, min(_IMAGES, len(split.labels))).astype(np.int64)
    return Split(split.images[rows], split.labels[rows])
