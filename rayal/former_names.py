"""Names of version 0.1 for parts of a Pool or Task: people's own components go on reading them."""

from __future__ import annotations

from typing import Any


class _Former:
    """An attribute that reads another one, by the name that it has now."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else getattr(instance, self._name)


class FormerPoolNames:
    """What a Pool's parts were called."""

    unlabelled = _Former("unlabeled")
    labelled = _Former("labeled")
    truth = _Former("true_labels")
    hidden = _Former("penultimate_features")
    projected = _Former("prototype_outputs")
    dropout_passes = _Former("mc_dropout")
    view_passes = _Former("predict_views")
    first = _Former("first_predicted")
    reserved = _Former("initial_pool")


class FormerTaskNames:
    """What a Task's parts were called."""

    labelled = _Former("labeled")
    earlier = _Former("previous_predictions")
