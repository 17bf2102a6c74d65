"""Every parameter of a learner says what it means, in the docstring or at its type."""

import inspect
import re

import pytest
from typing_extensions import Doc, get_type_hints

from rayal.contracts import LEARNERS
from rayal.registry import Component


def described(component: Component) -> set[str]:
    text = inspect.getdoc(component.function) or ""
    hints = get_type_hints(component.function, include_extras=True)
    at_types = {
        name
        for name, hint in hints.items()
        if any(isinstance(part, Doc) for part in getattr(hint, "__metadata__", ()))
    }
    return at_types | set(re.findall(r"^    (\w+): ", text, re.MULTILINE))


@pytest.mark.parametrize("name", LEARNERS.names())
def test_each_parameter_is_described(name: str) -> None:
    component = LEARNERS.find(name)
    assert component.parameters.keys() <= described(component)
