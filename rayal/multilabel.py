"""Which components handle several classes an image, and the one refusal of those that do not.

A parameter `over_classes` says how a component puts the classes of an image together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayal.registry import Component, Registry


def check_multilabel(
    registry: Registry[Any], name: str, params: Mapping[str, Any], dataset: str
) -> None:
    """Refuse a strategy or learner that is defined for one class an image.

    Args:
        registry: of strategies or of learners.
        name: the component's.
        params: its parameters.
        dataset: whose images have several classes.

    Raises:
        ValueError: the component does not handle them; the message lists those that do.
    """
    component = registry.find(name)
    if component.traits.multilabel(params):
        return
    able = [other for other in registry.names() if _handles_by_default(registry, other)]
    with_these = " with these parameters" if name in able else ""
    way_out = "leave out what restricts it, or use" if name in able else "use"
    others = ", ".join(other for other in able if other != name)
    raise ValueError(
        f"{registry.kind} '{name}'{with_these} is defined for one class an image, and those of "
        f"{dataset} have several: {way_out} one that handles them ({others})"
    )


def check_one_class(component: Component[Any], params: Mapping[str, Any], dataset: str) -> None:
    """Refuse what a component would do for several classes on data of one class an image.

    Raises:
        ValueError: a parameter asks for it.
    """
    if "over_classes" in params:
        raise ValueError(
            f"{component.kind} '{component.name}' has over_classes={params['over_classes']}, and "
            f"an image of {dataset} has one class: leave it out"
        )


def _handles_by_default(registry: Registry[Any], name: str) -> bool:
    component = registry.find(name)
    try:
        return bool(component.traits.multilabel(component.bind({})))
    except ValueError:  # a parameter without a default
        return False
