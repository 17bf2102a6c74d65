"""The parameter `size` of encoders that bring images to the size a network was trained on."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

Size: TypeAlias = Annotated[int, Field(ge=8, le=1024)]  # pixels, height and width
