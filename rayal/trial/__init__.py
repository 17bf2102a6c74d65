"""A trial: the loop of choosing, revealing, training and measuring, and what it records.

loop.py         the rounds, and the one line that reveals labels
training.py     a training as a trial asks for it, and how it is done
row.py          what a round's row has besides what was chosen
query_plane.py  where the images of a query lie for the learner that it was made by
"""

from rayal.trial.loop import rounds
from rayal.trial.row import Row
from rayal.trial.training import (
    BatchedFitError,
    Result,
    TrainingRequest,
    TrainingResult,
    TrialCoroutine,
    can_train_together,
    train,
    train_together,
)

__all__ = [
    "BatchedFitError",
    "Result",
    "Row",
    "TrainingRequest",
    "TrainingResult",
    "TrialCoroutine",
    "can_train_together",
    "rounds",
    "train",
    "train_together",
]
