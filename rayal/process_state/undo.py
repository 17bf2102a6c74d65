"""What keeps a part of the process's state returns what puts it back: a function, an `Undo`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Undo: TypeAlias = Callable[[], object]
