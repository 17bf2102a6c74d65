"""What a strategy warns of in a trial: kept in its record, for nobody sees a worker's terminal.

What it would have to warn of itself belongs to it: that the features it chose by tell too few
images apart. A choice among equal ones is of the first, in whatever order the dataset has.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rayal.contracts import Features
from rayal.credentials import text_to_keep
from rayal.feature_ties import EqualFeaturesError, check_apart, common_part, refuse_alike
from rayal.registry import STRATEGIES
from rayal.sweep.definition import Spec

_OF_EMBEDDING = {"map", "truth_map"}  # what a strategy reads of an encoder besides features
MOST_TEXTS, LONGEST = 20, 2_000  # of a query; characters


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """Give a list that has, after the body, the texts of its UserWarnings, each once.

    Of very many, or of a very long one, it has the first, and says what is left out.
    Warnings of other categories are of libraries, and are shown as ever.
    """
    kept: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield kept
    left_out = 0
    for warning in caught:
        text, category = warning.message, warning.category
        if category is not UserWarning:
            warnings.showwarning(text, category, warning.filename, warning.lineno)
        elif (said := text_to_keep(str(text), LONGEST)) not in kept:
            if len(kept) < MOST_TEXTS:
                kept.append(said)
            else:
                left_out += 1
    if left_out:
        kept.append(f"... ({left_out} more warnings)")


def of_unread_encoder(spec: Spec, *, by_features: bool) -> list[str]:
    """Return a warning where a strategy reads nothing of the encoder that it is to select on.

    by_features: whether it read features. What scores for it is trained on those of that encoder.
    """
    hidden = spec.params.get("space") == "hidden"  # in place of the features
    if spec.select_on is None or spec.scored_by or (by_features and not hidden):
        return []
    if STRATEGIES.find(spec.name).traits.needs(spec.params) & _OF_EMBEDDING:
        return []
    return [
        f"strategy '{spec.name}' reads no features of an encoder, so that "
        f"select_on={spec.select_on.name} changes nothing: leave it out, or give scored_by, a "
        "learner that is trained on these features"
    ]


def of_equal_features(spec: Spec, features: Features, budget: int) -> list[str]:
    """Return warnings where features (N, D) do not tell apart what a strategy chose of."""
    common = [text] if (text := common_part(features)) else []
    component, params = STRATEGIES.find(spec.name), spec.to_kwargs()
    try:
        refuse_alike(component, params, features)
        check_apart(component, params, features, budget)
    except EqualFeaturesError as ties:
        return [*common, f"{ties} in the order of the dataset"]
    except ValueError as alike:
        return [str(alike)]
    return common
