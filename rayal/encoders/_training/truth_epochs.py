"""The parameter `truth_epochs`: whether an encoder adds the map by ground truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from pydantic import Field

TruthEpochs: TypeAlias = Annotated[int, Field(ge=0)]  # 0 makes no map


def gives(params: Mapping[str, Any]) -> set[str]:
    """Return {"truth_map"} where the parameter `truth_epochs` asks for one."""
    return {"truth_map"} if params["truth_epochs"] else set()
