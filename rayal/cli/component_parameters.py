"""`--set KIND.NAME=VALUE` of commands that name components themselves, without a sweep file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from rayal.labeling.errors import LabelingError


def component_parameters(pairs: Sequence[str], *kinds: str) -> dict[str, dict[str, Any]]:
    """Return the parameters of each kind of component, by name.

    Args:
        pairs: what was given, as "encoder.weights=net.pt".
        kinds: of component that the command takes parameters of.

    Raises:
        LabelingError: a pair names no parameter of these kinds.
    """
    parameters: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        kind, _, name = key.partition(".")
        if not equals or kind not in parameters or not name:
            forms = " or ".join(f"{kind}.NAME=VALUE" for kind in kinds)
            raise LabelingError(f"--set {pair} is not understood: write {forms}")
        parameters[kind][name] = yaml.safe_load(value)
    return parameters
