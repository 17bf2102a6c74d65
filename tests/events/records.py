"""Records of the trials of `plan`, as far as listeners read them."""

from rayal.storage.formats import Record, make_record


def record(trial: str = "") -> Record:
    """Two rounds of 2.5 s."""
    rounds = [
        {"round": 0, "budget": 10, "labelled": 10, "auc": 0.5, "coverage": float("nan")},
        {"round": 1, "budget": 10, "labelled": 20, "auc": 0.75, "selected": [1, 2]},
    ]
    timed = [{**row, "select_seconds": 0.5, "train_seconds": 2.0} for row in rounds]
    return make_record(trial, {}, {}, "here", timed)
